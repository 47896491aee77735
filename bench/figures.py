"""The computed figures of `docs/why.md`: the times of `bench/results.json`, and the costs of a recorded run.

`python -m bench.figures` writes them again, without measuring.
"""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.costs import costs_of_run, units_of_run
from bench.report import RESULTS
from bench.row import MAX, P50, P95
from bench.samples import sample_run
from bench.tables import table, with_tables

PAGE = Path(__file__).resolve().parent.parent / "docs" / "why.md"
TIMES = {
    ("emit", "emit to client"): "from the agent's step to the client, durable first",
    ("emit", "emit to client, with 4 busy processes"): "the same, while 4 processes keep the processors busy",
    ("screen", "emit to pixel in the console"): "from the agent's step to the screen, in the console",
    ("emit", "first step after the start, warm"): "the first step after the start, warm",
    ("burst", "1,000 steps at once, whole at client"): "1,000 steps at once, complete at the client",
    ("live", "live text, 30 words a second: gap at client"): "from one piece of live text to the next",
    ("cancel", "cancelling visible, blocking model call"): "from a cancel to `cancelling` at the client",
    ("cancel", "cancel to end at client, blocking model call"): "from a cancel to the end, while the model thinks",
}
"""What the page calls a row, by its measurement and its name."""
LONGEST_TASK = ("screen", "longest task of the console at 1,000 steps")
_SHORT_TASK = "under 50 ms"  # Browsers report only longer tasks.
_COLUMNS = 130


def figures(results: Mapping[str, Any]) -> str:
    """Return the paragraph about the machine, and the table. Rows that were not measured are left out.

    Args:
        results: The content of `bench/results.json`.
    """
    rows = rows_by_name(results)
    quoted = [name for name in (*TIMES, LONGEST_TASK) if name in rows]
    times = [(TIMES[name], *_times(rows[name])) for name in quoted if name in TIMES]
    if LONGEST_TASK in rows:
        longest_ms = rows[LONGEST_TASK][MAX]
        task = _with_unit(longest_ms, "ms") if longest_ms else _SHORT_TASK
        times.append(("the console's longest task while 1,000 steps arrive", task, ""))
    loads = [results["measurements"][measurement]["load"] for measurement, _ in quoted]
    return f"{_about(results, loads)}\n\n{table(('', 'Runcast', 'the usual way'), [*times, *_costs()])}"


def rows_by_name(results: Mapping[str, Any]) -> Mapping[tuple[str, str], Mapping[str, Any]]:
    """Return the rows by their measurement and their name."""
    return {
        (measurement, row["what"]): row
        for measurement, measured in results["measurements"].items()
        for row in measured["rows"]
    }


def main() -> int:
    """Write the figures of `bench/results.json` into the page."""
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    page = with_tables(PAGE.read_text(encoding="utf-8"), {"figures": figures(results)})
    PAGE.write_text(page, encoding="utf-8")
    return 0


def _about(results: Mapping[str, Any], loads: list[float]) -> str:
    measured = datetime.fromisoformat(results["measuredAt"])
    about = (
        f"`make bench` measured the times on {measured.day} {measured:%B %Y}, on {results['processors']} local "
        f"processors with Python {results['python']}, at a load of {min(loads):g} to {max(loads):g}. They show what "
        "Runcast adds, not the network of AWS. The usual way stores each step and invokes a publisher on the agent's "
        "thread. Plain streaming is faster: the step goes straight to the socket, while Runcast stores it first."
    )
    return textwrap.fill(about, _COLUMNS, break_long_words=False, break_on_hyphens=False)


def _times(row: Mapping[str, Any]) -> tuple[str, str]:
    unit, usual = row["unit"], row["usual"]
    times = ", ".join(f"{name} {_with_unit(row[name], unit)}" for name in (P50, P95))
    return times, f"{P50} {_with_unit(usual[P50], unit)}" if usual else ""


def _costs() -> list[tuple[str, str, str]]:
    item = sample_run()
    [idle] = [row for row in costs_of_run(item) if row.what.startswith("idle")]
    run = 1000 * units_of_run(item).dollars()
    return [
        ("[a thousand runs](costs.md) on AWS, without the model", f"${run:.2f}", ""),
        ("an idle deployment, a month, without its storage", f"${idle.figures()[P50]:.2f}", ""),
    ]


def _with_unit(value: float, unit: str) -> str:
    return f"{value:.0f} {unit}" if value >= 10 else f"{value:.2g} {unit}"


if __name__ == "__main__":
    sys.exit(main())
