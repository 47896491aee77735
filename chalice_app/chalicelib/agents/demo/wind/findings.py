"""What the agents find, as facts: noted by their tools, and read from the `inputs` that a run is given.

An input is another run's result: a text, or a text with facts. It comes from outside, so it is checked here, once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from strands import ToolContext

from chalicelib.agents.demo.wind.data import Position
from runcast import note_fact

Found = dict[str, tuple[Any, str | None]]
"""Facts as a tool has found them: value and unit by their names."""

Facts = dict[str, Any]
"""Facts as others read them: values by their names."""

MAX_TURBINES = 100
_FARTHEST_METRES = 1e6


def note(tool_context: ToolContext, found: Found) -> dict[str, Any]:
    """Note all facts of a tool, and return them as the model shall read them: values by name and unit."""
    for name, (value, unit) in found.items():
        note_fact(tool_context, name, value, unit)
    return {f"{name} ({unit})" if unit else name: value for name, (value, unit) in found.items()}


def findings_of(parameters: Mapping[str, Any]) -> dict[str, Facts]:
    """Return the facts of each input, by its name; none for a text alone.

    Raises:
        TypeError: `inputs` is no object.
    """
    inputs = parameters.get("inputs") or {}
    if not isinstance(inputs, Mapping):
        raise TypeError("parameters.inputs must be an object: results of other runs by their names.")
    return {str(name): _facts(result) for name, result in inputs.items()}


def layout_in(findings: Mapping[str, Facts]) -> tuple[str, list[Position]] | None:
    """Return the first layout that was found, as its input's name and the positions; None if nothing was.

    Raises:
        ValueError: There are findings, but no layout is among them that can be simulated.
    """
    for name, facts in findings.items():
        if "positions" in facts:
            return name, _positions(f"parameters.inputs.{name}", facts["positions"])
    if findings:
        raise ValueError("parameters.inputs must hold a layout: a result with the fact positions.")
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
