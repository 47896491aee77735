"""Finds all faults of a playbook's file at once, so that its author can fix them together.

`playbook.schema.json` has the rules that a JSON Schema can express; the others are here. The packager uses this module,
too.
"""

from __future__ import annotations

import json
import string
from collections.abc import Collection, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, NamedTuple

from chalicelib.runtime.json_schema import faults_of_schema, schema_faults, shortened_fault

MAX_BYTES = 64 * 1024
"""The input of a state contains the playbook and the job (128 KB), and is limited to 256 KB.

Source: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
"""

MAX_AGENTS = 20

_SCHEMA = json.loads(Path(__file__).with_name("playbook.schema.json").read_text())


def faults_of(text: str, agents: Collection[str]) -> list[str]:
    """Return the faults of a playbook, each with its JSON path; empty if the playbook is valid.

    Args:
        text: The content of the file.
        agents: The names of all agents.
    """
    if len(text.encode()) > MAX_BYTES:
        return [f"$: it is over {MAX_BYTES // 1024} KB"]
    try:
        playbook = json.loads(text)
    except ValueError as error:
        return [f"$: it is not JSON ({error})"]
    found = [*schema_faults(_SCHEMA, playbook), *_further_faults(playbook, agents)]
    return list(dict.fromkeys(found))


class _Entry(NamedTuple):
    """An agent in a playbook that may be invalid, with its JSON path and the index of its stage."""

    path: str
    stage: int
    name: Any
    given: dict[str, Any]


def _further_faults(playbook: Any, agents: Collection[str]) -> Iterator[str]:
    """Yield the faults that a schema cannot express; skip values of the wrong type, which the schema reports."""
    stages = [(f"$.stages[{n}]", stage) for n, stage in enumerate(_list(_of(playbook, "stages")))]
    entries = [
        _Entry(f"{path}.agents[{n}]", place, _of(given, "name") or _of(given, "agent"), given)
        for place, (path, stage) in enumerate(stages)
        for n, given in enumerate(_list(_of(stage, "agents")))
        if isinstance(given, dict)
    ]
    if len(entries) > MAX_AGENTS:
        yield f"$.stages: it has {len(entries)} agents in total; the maximum is {MAX_AGENTS}"
    yield from _repeated("stage", [(f"{path}.name", _of(stage, "name")) for path, stage in stages])
    yield from _repeated("agent", [(entry.path, entry.name) for entry in entries])
    stage_of = {entry.name: entry.stage for entry in entries if isinstance(entry.name, str)}
    for entry in entries:
        yield from _faults_of_entry(entry, agents, stage_of)
    yield from _circle(entries)


def _repeated(what: str, named: list[tuple[str, Any]]) -> Iterator[str]:
    seen: dict[Any, str] = {}
    for path, name in named:
        if isinstance(name, str) and seen.setdefault(name, path) != path:
            yield f"{path}: there is another {what} named {_shown(name)}"


def _faults_of_entry(entry: _Entry, agents: Collection[str], stage_of: dict[str, int]) -> Iterator[str]:
    path, given = entry.path, entry.given
    agent, query = given.get("agent"), given.get("query")
    if isinstance(agent, str) and agent not in agents:
        yield f"{path}.agent: unknown agent {_shown(agent)}; the agents are {', '.join(sorted(agents))}"
    if isinstance(entry.name, str) and "name" not in given:
        yield from schema_faults(_SCHEMA["$defs"]["name"], entry.name, f"{path}.agent")
    if isinstance(query, str) and not string.Template(query).is_valid():
        yield f"{path}.query: a $ must begin a ${{name}}, or be doubled"
    for n, name in enumerate(_list(given.get("reads"))):
        if isinstance(name, str) and stage_of.get(name, entry.stage) >= entry.stage:
            yield f"{path}.reads[{n}]: {_shown(name)} is not an agent of an earlier stage"
    output = given.get("output")
    for n, rule in enumerate(_list(_of(output, "rules"))):
        rule_path = f"{path}.output.rules[{n}]"
        other = _of(rule, "with")
        if isinstance(other, str) and (other == entry.name or stage_of.get(other, entry.stage + 1) > entry.stage):
            yield f"{rule_path}.with: {_shown(other)} is not another agent of this stage or an earlier one"
        minimum, maximum = _of(rule, "minimum"), _of(rule, "maximum")
        if isinstance(minimum, int | float) and isinstance(maximum, int | float) and minimum > maximum:
            yield f"{rule_path}: minimum is greater than maximum"
    schema = _of(output, "schema")
    if isinstance(schema, dict):
        yield from faults_of_schema(schema, f"{path}.output.schema")


def _circle(entries: list[_Entry]) -> Iterator[str]:
    reads = {
        entry.name: [name for name in _list(entry.given.get("reads")) if isinstance(name, str)]
        for entry in entries
        if isinstance(entry.name, str)
    }
    try:
        TopologicalSorter(reads).prepare()
    except CycleError as error:
        yield f"$.stages: agents read one another in a circle: {' → '.join(reversed(error.args[1]))}"


def _of(value: Any, member: str) -> Any:
    return value.get(member) if isinstance(value, dict) else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _shown(text: str) -> str:
    return shortened_fault(json.dumps(text))
