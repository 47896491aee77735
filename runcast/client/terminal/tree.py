"""Finds a step's place in the tree of its run's agents, and draws a tool's progress.

A run's steps are one list. A step's `metadata.parentSeq` names the step that started it, so the list is also a tree.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from runcast.client.step import WatchedStep

_DEPTH_MAX = 12  # keeps agents that call each other endlessly on the screen
_BAR_CELLS = 10


class Place(NamedTuple):
    """A step's depth, and its agent; None if that is the run's main agent."""

    depth: int
    agent_name: str | None


class Tree:
    """The places of a run's steps; takes the steps in order."""

    def __init__(self) -> None:
        self._places: dict[int, Place] = {}

    def place(self, step: WatchedStep) -> Place:
        """Return a step's place; at the top if its parent is unknown. An end is beside the beginning of its work."""
        parent = None if step.parent_seq is None else self._places.get(step.parent_seq)
        if parent is None:
            place = Place(0, None)
        elif step.ends_part:
            place = parent
        else:
            # Status messages also name the run's main agent, so the name comes from the step where an agent begins.
            agent_name = step.agent_name if step.status == "agent_invoking" else parent.agent_name
            place = Place(min(parent.depth + 1, _DEPTH_MAX), agent_name)
        if step.seq is not None:
            self._places[step.seq] = place
        return place


def bar(step: WatchedStep) -> str:
    """Return a progress bar of a tool; empty if the tool reports no total."""
    progress = (step.metadata or {}).get("progress")
    if not isinstance(progress, dict):
        return ""
    done, total = (_number(progress.get(name)) for name in ("done", "total"))
    if done is None or total is None or total <= 0:
        return ""
    full = round(_BAR_CELLS * min(1.0, max(0.0, done / total)))
    return "█" * full + "░" * (_BAR_CELLS - full)


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) and math.isfinite(value) else None
