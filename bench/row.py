"""One row of the measurements: its repetitions, those of the usual way beside them, and its goals."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TypeAlias

P50, P95, MAX, RATIO = "p50", "p95", "max", "ratio"

Repetitions: TypeAlias = Sequence[Sequence[float]]


@dataclass(frozen=True)
class Row:
    """A measurement.

    Attributes:
        what: What was measured.
        unit: The unit of all values.
        repetitions: The values of each repetition; empty if there is only a note.
        goals: What `p50`, `p95`, `max` and `ratio` must not exceed.
        usual: The same work done the usual way (`bench.baseline`).
        note: What the figures do not say.
        floors: For a goal that is missed: the least that what we build on takes alone, measured at the same time.
    """

    what: str
    unit: str = ""
    repetitions: Repetitions = ()
    goals: Mapping[str, float] = field(default_factory=dict)
    usual: Repetitions = ()
    note: str = ""
    floors: Mapping[str, float] = field(default_factory=dict)

    def figures(self) -> dict[str, float]:
        """Return `p50`, `p95` and `max` of all values, and `ratio` if there is a baseline: our median by the usual."""
        if not self.repetitions:
            return {}
        figures = _statistics(self.repetitions)
        if self.usual:
            figures[RATIO] = figures[P50] / _statistics(self.usual)[P50]
        return figures

    def spread(self) -> tuple[float, float] | None:
        """Return the lowest and the highest median of a repetition; None for a single repetition."""
        medians = [statistics.median(values) for values in self.repetitions]
        return (min(medians), max(medians)) if len(medians) > 1 else None

    def missed(self) -> list[str]:
        """Return each missed goal as text."""
        figures = self.figures()
        return [
            f"{self.what}: {name} is {figures[name]:.3g}, and the goal is {goal:g}"
            + (f"; the floor is {self.floors[name]:.3g}" if name in self.floors else "")
            for name, goal in self.goals.items()
            if figures[name] > goal
        ]

    def usual_figures(self) -> dict[str, float]:
        """Return `p50`, `p95` and `max` of the usual way; empty without it."""
        return _statistics(self.usual) if self.usual else {}


def single(
    what: str, value: float, unit: str = "", goal: float | None = None, *, note: str = "", floor: float | None = None
) -> Row:
    """Return a row of one value, which a goal bounds from above."""
    goals, floors = ({} if each is None else {MAX: each} for each in (goal, floor))
    return Row(what, unit, [[value]], goals, note=note, floors=floors)


def _statistics(repetitions: Repetitions) -> dict[str, float]:
    values = list(chain.from_iterable(repetitions))
    p95 = statistics.quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]
    return {P50: statistics.median(values), P95: p95, MAX: max(values)}
