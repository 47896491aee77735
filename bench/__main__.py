"""`python -m bench [NAME …]`: measure everything, or what is named, and print it beside what we aim for.

The figures come from one noisy machine: compare figures of the same run only.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

from rich.console import Console
from rich.table import Table

from bench.crowd import measure_crowd
from bench.imports import measure_imports
from bench.jobs import measure_jobs
from bench.latency import measure_burst, measure_cancel, measure_emit, measure_live_text
from bench.newcomer import measure_newcomer
from bench.recorder import measure_recorder
from bench.row import Row
from bench.stack import measure_demo, measure_starts, measured_stack
from bench.web import measure_web

_ALONE = {
    "recorder": measure_recorder,
    "imports": measure_imports,
    "demo": measure_demo,
    "newcomer": measure_newcomer,
    "web": measure_web,
}
# These share one local machine; the first one meets its functions cold.
_ON_A_STACK = {
    "starts": measure_starts,
    "emit": measure_emit,
    "cancel": measure_cancel,
    "burst": measure_burst,
    "live": measure_live_text,
    "crowd": measure_crowd,
    "jobs": measure_jobs,
}


def main() -> int:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="bench", description="Measure what the documents say.")
    names = [*_ALONE, *_ON_A_STACK]
    parser.add_argument("name", nargs="*", help=f"what to measure: {', '.join(names)}; everything if none is given")
    chosen = parser.parse_args().name or names
    if unknown := [name for name in chosen if name not in names]:
        parser.error(f"{', '.join(unknown)}: unknown; choose from {', '.join(names)}")
    rows: list[Row] = []
    for name, measure in _ALONE.items():
        if name in chosen:
            _say(name)
            rows += measure()
    if on_a_stack := [name for name in _ON_A_STACK if name in chosen]:
        _say("make up")
        with measured_stack(rows) as stack:
            for name in on_a_stack:
                _say(name)
                rows += asyncio.run(_ON_A_STACK[name](stack))
    table = Table(box=None, pad_edge=False)
    for heading in ("what", "measured", "aim"):
        table.add_column(heading, no_wrap=True)
    for row in rows:
        table.add_row(row.what, row.measured, row.aim)
    Console(width=180).print(table)
    return 0


def _say(name: str) -> None:
    print(f"measuring {name} ...", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
