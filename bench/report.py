"""Shows what was measured: as a table, and as `bench/results.json`, which `bench.figures` quotes in the documents."""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from rich.cells import cell_len
from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bench.row import MAX, P50, P95, RATIO, Row

RESULTS = Path(__file__).with_name("results.json")
_HEADINGS = (
    "what",
    "p50",
    "p95",
    "max",
    "unit",
    "of repetitions",
    "usual p50",
    "ratio",
    "goal",
    "floor",
    "load",
)
_WIDTH = 220  # of a log
_NAME_WIDTH = 24


class Measured(NamedTuple):
    """The rows that one measurement gave.

    Attributes:
        name: The measurement.
        load: The machine's load average before it.
        rows: What it gave.
    """

    name: str
    load: float
    rows: Sequence[Row]


def print_table(measured: Sequence[Measured]) -> None:
    """Print a line for each row, as wide as its figures need. Names and notes fold. A missed goal is marked."""
    rows = [(row, _cells(row, each.load)) for each in measured for row in each.rows]
    columns = zip(_HEADINGS, *(cells for _, cells in rows), strict=True)
    widths = [max(cell_len(line) for cell in column for line in cell.split("\n")) for column in columns]
    widths[0] = _NAME_WIDTH
    table = Table(box=None, pad_edge=False)
    for heading, width in zip(_HEADINGS, widths, strict=True):
        table.add_column(heading, overflow="fold", min_width=width)
    for row, (what, *figures) in rows:
        note = [Padding(Text(row.note, style="dim"), (0, 0, 0, 4))] if row.note else []
        table.add_row(Group(Text(what), *note), *figures)
    least = sum(widths) + 2 * len(widths)  # with the gaps; in a narrower console, the figures would fold
    Console(width=max(least, shutil.get_terminal_size((_WIDTH, 0)).columns)).print(table)


def write_results(measured: Sequence[Measured], path: Path = RESULTS) -> None:
    """Write all figures as JSON."""
    results = {
        "measuredAt": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "measurements": {
            each.name: {"load": round(each.load, 1), "rows": [_json(row) for row in each.rows]} for each in measured
        },
    }
    path.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _cells(row: Row, load: float) -> list[str]:
    figures, usual, spread = row.figures(), row.usual_figures(), row.spread()
    return [
        row.what,
        *(_number(figures.get(name)) for name in (P50, P95, MAX)),
        row.unit,
        f"{_number(spread[0])} to {_number(spread[1])}" if spread else "",
        _number(usual.get(P50)),
        _number(figures.get(RATIO)),
        "\n".join([*(f"{name} {goal:g}" for name, goal in row.goals.items()), *(["MISSED"] if row.missed() else [])]),
        "\n".join(f"{name} {floor:.3g}" for name, floor in row.floors.items()),
        f"{load:.1f}",
    ]


def _json(row: Row) -> Mapping[str, Any]:
    return {
        "what": row.what.strip(),
        "unit": row.unit,
        **_rounded(row.figures()),
        "spread": row.spread() and [_rounded_value(value) for value in row.spread() or ()],
        "usual": _rounded(row.usual_figures()),
        "goals": dict(row.goals),
        "floors": _rounded(row.floors),
        "note": row.note,
    }


def _rounded(figures: Mapping[str, float]) -> dict[str, float]:
    return {name: _rounded_value(value) for name, value in figures.items()}


def _rounded_value(value: float) -> float:
    return float(f"{value:.4g}")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}" if value < 1000 else f"{value:,.0f}"
