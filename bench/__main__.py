"""`python -m bench`: measure everything, and print it beside what we aim for.

Figures of one noisy machine: compare those of one run with each other, not with those of another day.
"""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table

from bench.imports import measure_imports
from bench.newcomer import measure_newcomer
from bench.recorder import measure_recorder
from bench.row import Row
from bench.stack import measure_demo, measure_stack


def main() -> int:
    """Measure, and print the table."""
    rows: list[Row] = []
    for measure in (measure_recorder, measure_imports, measure_stack, measure_demo, measure_newcomer):
        print(f"{measure.__name__.replace('_', ' ')} ...", file=sys.stderr, flush=True)
        rows += measure()
    table = Table(box=None, pad_edge=False)
    for heading in ("what", "measured", "aim"):
        table.add_column(heading, no_wrap=True)
    for row in rows:
        table.add_row(row.what, row.measured, row.aim)
    Console(width=180).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
