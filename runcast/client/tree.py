"""Where a step stands among the agents of its run, and how far a tool is.

A run's steps are one list; `metadata.parentSeq` says of a step which one started it, so the list is a tree as well.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from runcast.client.step import WatchedStep

_DEPTH_MAX = 12  # agents that call agents for ever shall not leave the screen
_BAR_CELLS = 10


class Place(NamedTuple):
    """How deep a step stands, and which agent below the run's own it is of, if any."""

    depth: int
    agent_name: str | None


class Tree:
    """The places of a run's steps, told one after the other."""

    def __init__(self) -> None:
        self._places: dict[int, Place] = {}

    def place(self, step: WatchedStep) -> Place:
        """Return where a step stands; one whose parent is not known stands at the top."""
        parent_seq = (step.metadata or {}).get("parentSeq")
        parent = self._places.get(parent_seq) if isinstance(parent_seq, int) else None
        if parent is None:
            place = Place(0, None)
        else:
            # A status message names the run's own agent too, so the name is taken from where an agent begins.
            agent_name = step.agent_name if step.status == "agent_invoking" else parent.agent_name
            place = Place(min(parent.depth + 1, _DEPTH_MAX), agent_name)
        if step.seq is not None:
            self._places[step.seq] = place
        return place


def bar(step: WatchedStep) -> str:
    """Return a bar of how much of its total a tool has done; empty where it does not count."""
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
