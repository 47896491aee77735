"""Checks an agent's output against the schema and the rules of its playbook.

Each rule checks facts. A missing fact is a fault, so that no rule passes because there is nothing to check. It is
reported once, even if several rules check it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib.orchestrator.outputs import facts_of, is_number
from chalicelib.orchestrator.playbook import Entry
from chalicelib.runtime.json_schema import schema_faults
from runcast.record.model import Json
from runcast.text import shortened

_VALUE_MAX_CHARACTERS = 100

Facts = Mapping[str, Json]


def output_faults(entry: Entry, result: Any, facts_by_agent: Mapping[str, Facts]) -> list[str]:
    """Return the faults of an agent's output, each as `<agent>: …`; empty if the output is accepted.

    Args:
        entry: The agent's entry in the playbook.
        result: The run's result.
        facts_by_agent: The facts of each agent that the rules may compare with, by the entries' names.
    """
    found = [*schema_faults(entry.schema, result), *_rule_faults(entry, facts_of(result), facts_by_agent)]
    return [f"{entry.name}: {fault}" for fault in dict.fromkeys(found)]


def _rule_faults(entry: Entry, facts: Facts, facts_by_agent: Mapping[str, Facts]) -> Iterator[str]:
    for rule in entry.rules:
        absent = [name for name in rule.get("facts", [rule.get("fact")]) if name not in facts]
        yield from (f"the fact {name} is missing" for name in absent)
        if absent:
            continue
        match rule["kind"]:
            case "range":
                yield from _range_faults(rule, facts[rule["fact"]]["value"])
            case "unit":
                yield from _unit_faults(rule["fact"], facts[rule["fact"]]["unit"], rule["unit"])
            case "agreement":
                yield from _agreement_faults(rule, facts[rule["fact"]], facts_by_agent[rule["with"]])


def _range_faults(rule: Json, value: Any) -> Iterator[str]:
    minimum, maximum = rule.get("minimum"), rule.get("maximum")
    if not is_number(value):
        yield f"the fact {rule['fact']} must be a number, but is {_shown(value)}"
    elif minimum is not None and not value >= minimum:
        yield f"the fact {rule['fact']} must be at least {minimum}, but is {_shown(value)}"
    elif maximum is not None and not value <= maximum:
        yield f"the fact {rule['fact']} must be at most {maximum}, but is {_shown(value)}"


def _unit_faults(fact: str, unit: Any, wanted: str) -> Iterator[str]:
    if unit != wanted:
        yield f"the fact {fact} must be in {wanted}, but {f'is in {unit}' if unit else 'has no unit'}"


def _agreement_faults(rule: Json, fact: Json, others: Facts) -> Iterator[str]:
    name, other = rule["fact"], others.get(rule["fact"])
    if other is None:
        yield f"the fact {name} must agree with that of {rule['with']}, which has none"
    elif not agree(fact, other, rule["tolerance"]):
        yield (
            f"the fact {name} must agree with that of {rule['with']} within {rule['tolerance']:.6g}, but is "
            f"{_shown_with_unit(fact)} instead of {_shown_with_unit(other)}"
        )


def agree(one: Json, other: Json, tolerance: float) -> bool:
    """Return whether two facts agree. The tolerance of numbers is relative to the greater one."""
    if one["unit"] != other["unit"]:
        return False
    a, b = one["value"], other["value"]
    if is_number(a) and is_number(b):
        return math.isclose(a, b, rel_tol=tolerance)
    return json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True)


def _shown(value: Any) -> str:
    return shortened(json.dumps(value, ensure_ascii=False), _VALUE_MAX_CHARACTERS)


def _shown_with_unit(fact: Json) -> str:
    return " ".join([_shown(fact["value"]), *([str(fact["unit"])] if fact["unit"] else [])])
