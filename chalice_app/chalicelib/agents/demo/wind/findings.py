"""The agents' findings as facts: noted by their tools, and read from the `inputs` of a run.

An input is another run's result: a text, or a text with facts. It is untrusted, so it is validated here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from strands import ToolContext

from chalicelib.agents.demo.wind.data import Position
from runcast import note_fact

Found = dict[str, tuple[Any, str | None]]
"""The facts that a tool has found: value and unit by name."""

Facts = dict[str, Any]
"""The facts of another run: values by name."""

MAX_TURBINES = 100
_FARTHEST_METRES = 1e6


def note(tool_context: ToolContext, found: Found) -> dict[str, Any]:
    """Note all facts of a tool, and return them for the model: values by name and unit."""
    for name, (value, unit) in found.items():
        note_fact(tool_context, name, value, unit)
    return {f"{name} ({unit})" if unit else name: value for name, (value, unit) in found.items()}


def findings_of(parameters: Mapping[str, Any]) -> dict[str, Facts]:
    """Return the facts of each input by the input's name; a text alone has no facts.

    Raises:
        TypeError: `inputs` is not an object.
    """
    inputs = parameters.get("inputs") or {}
    if not isinstance(inputs, Mapping):
        raise TypeError("parameters.inputs must be an object: results of other runs by their names.")
    return {str(name): _facts(result) for name, result in inputs.items()}


def layout_in(findings: Mapping[str, Facts]) -> tuple[str, list[Position]] | None:
    """Return the first layout among the findings: its input's name and the positions; None without findings.

    Raises:
        ValueError: There are findings, but none of them is a valid layout.
    """
    for name, facts in findings.items():
        if "positions" in facts:
            return name, _positions(f"parameters.inputs.{name}", facts["positions"])
    if findings:
        raise ValueError("parameters.inputs must contain a layout: a result with the fact positions.")
    return None


def _facts(result: Any) -> Facts:
    facts = result.get("facts") if isinstance(result, Mapping) else None
    if not isinstance(facts, Mapping):
        return {}
    return {str(name): fact.get("value") for name, fact in facts.items() if isinstance(fact, Mapping)}


def _positions(where: str, given: Any) -> list[Position]:
    if isinstance(given, list) and 1 <= len(given) <= MAX_TURBINES and all(map(_is_position, given)):
        return [(float(east), float(north)) for east, north in given]
    raise ValueError(f"{where}: positions must be 1 to {MAX_TURBINES} pairs of metres east and north.")


def _is_position(given: Any) -> bool:
    return (
        isinstance(given, list)
        and len(given) == 2
        and all(isinstance(metres, int | float) and abs(metres) <= _FARTHEST_METRES for metres in given)
    )
