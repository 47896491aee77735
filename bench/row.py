"""One line of the table of measurements, and the percentiles that fill it."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import NamedTuple


class Row(NamedTuple):
    """A measurement, its result and the target (empty without one)."""

    what: str
    measured: str
    aim: str = ""


def percentiles(values: Sequence[float], unit: str, digits: int = 0) -> str:
    """Return p50, p95 and the maximum as text; at least two values are needed."""
    p95 = statistics.quantiles(values, n=20, method="inclusive")[-1]
    return (
        f"p50 {statistics.median(values):.{digits}f}, p95 {p95:.{digits}f}, max {max(values):.{digits}f} {unit}".strip()
    )
