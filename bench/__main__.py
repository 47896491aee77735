"""`python -m bench [NAME …]`: measure everything, or what is named, beside the usual way and our goals.

The figures come from one noisy machine: compare figures of the same run only. Prints the table, and exits with 1 if a
goal is missed. If everything was measured, it writes `bench/results.json` and the figures of `docs/why.md`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from functools import partial

from bench import figures
from bench.cancels import measure_cancel
from bench.crowd import measure_crowd
from bench.imports import measure_imports
from bench.jobs import measure_jobs
from bench.latency import measure_burst, measure_emit, measure_live_text
from bench.long_runs import measure_long_runs
from bench.newcomer import measure_newcomer
from bench.publisher import measure_publisher
from bench.recorder import measure_recorder
from bench.report import Measured, print_table, write_results
from bench.row import Row
from bench.screen import measure_screen
from bench.stack import measure_demo, measure_starts, measured_stack
from bench.web import measure_web
from bench.writes import measure_writes
from local.stack import LocalStack

_ALONE = {
    "recorder": measure_recorder,
    "writes": measure_writes,
    "publisher": measure_publisher,
    "imports": measure_imports,
    "long": measure_long_runs,
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
    "screen": measure_screen,
}


def main() -> int:
    """Measure, print the table and, if nothing was left out, write the results; return the exit code."""
    parser = argparse.ArgumentParser(prog="bench", description="Measure what the documents say.")
    names = [*_ALONE, *_ON_A_STACK]
    parser.add_argument("name", nargs="*", help=f"what to measure: {', '.join(names)}; everything if none is given")
    chosen = parser.parse_args().name or names
    if unknown := [name for name in chosen if name not in names]:
        parser.error(f"{', '.join(unknown)}: unknown; choose from {', '.join(names)}")
    measured: list[Measured] = []
    try:
        _measure(chosen, measured)
    finally:  # What was measured before a failure cost minutes.
        print_table(measured)
    if set(chosen) == set(names):
        write_results(measured)
        figures.main()
    missed = [text for each in measured for row in each.rows for text in row.missed()]
    for text in missed:
        print(f"missed: {text}")
    return 1 if missed else 0


def _measure(chosen: Sequence[str], measured: list[Measured]) -> None:
    for name, measure in _ALONE.items():
        if name in chosen:
            measured.append(_measured(name, measure))
    if on_a_stack := [name for name in _ON_A_STACK if name in chosen]:
        came_up: list[Row] = []
        load = os.getloadavg()[0]
        _say("make up")
        with measured_stack(came_up) as stack:
            measured.append(Measured("up", load, came_up))
            for name in on_a_stack:
                measured.append(_measured(name, partial(_on, stack, _ON_A_STACK[name])))


def _measured(name: str, measure: Callable[[], Sequence[Row]]) -> Measured:
    load, began = os.getloadavg()[0], time.monotonic()
    _say(name)
    rows = measure()
    print(f"  took {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return Measured(name, load, rows)


def _on(stack: LocalStack, measure: Callable[[LocalStack], Coroutine[None, None, list[Row]]]) -> list[Row]:
    return asyncio.run(measure(stack))


def _say(name: str) -> None:
    print(f"measuring {name} ...", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
