"""`make scale`: which of AWS's default quotas 100, 10,000 and 1,000,000 concurrent runs exceed, and what they cost.

It writes the tables and the picture of `docs/scale.md`, and those of `docs/costs.md`, and prints the first table. It
computes them from committed samples and quotas, so the result is always the same.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from bench.cost_page import cost_tables
from bench.demand import Demand, demand_of_samples
from bench.quotas import QUOTAS, Quota, hot_keys
from bench.tables import table, with_tables

_DOCS = Path(__file__).resolve().parent.parent / "docs"
PICTURE = _DOCS / "pictures" / "scale.svg"
_SIZES = (100, 10_000, 1_000_000)
_MONTH_SECONDS = 30 * 24 * 3600
# What Lambda adds to one function in this time.
# Source: https://docs.aws.amazon.com/lambda/latest/dg/scaling-behavior.html
_SCALING_STEP_SECONDS, _SCALING_STEP = 10, 1_000

_LABELS, _BARS, _MARGIN, _ROW = 430, 460, 16, 24
_AXIS_BEGIN, _AXIS_END = 10, 20_000_000


def scale_tables() -> Mapping[str, str]:
    """Return the tables of the page by the names of their markers."""
    demand = demand_of_samples()
    ordered = _ordered(demand)
    return {
        "sizes": table(
            (
                *("concurrent runs", "runs a second", "quotas exceeded", "the first of them"),
                *("if all start together, the last begins after", "a month without the model", "the model"),
            ),
            [_of_size(size, demand, ordered) for size in _SIZES],
        ),
        "quotas": table(
            ("quota", "default", *(f"at {size:,}" for size in _SIZES), "reached at", "then", "figure read at"),
            [_of_quota(quota, demand) for quota in ordered],
        ),
        "keys": table(
            ("key", "what uses it", "reached at, for one tenant", "then"),
            [(hot.key, hot.what, _rounded(hot.reached_at), hot.remedy) for hot in hot_keys(demand)],
        ),
    }


def picture() -> str:
    """Return the SVG: a bar for each quota, as long as the runs that it suffices for."""
    demand = demand_of_samples()
    ordered = _ordered(demand)
    width, height = _LABELS + _BARS + 2 * _MARGIN, 2 * _MARGIN + (len(ordered) + 1) * _ROW
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" role="img">',
        "<title>How many concurrent runs each default quota of AWS suffices for, on a logarithmic scale.</title>",
        "<!-- Written by make scale from bench/quotas.py. -->",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    for size in _SIZES:
        x = _across(size)
        lines += [
            f'<text x="{x}" y="{_MARGIN + 4}" text-anchor="middle" font-size="12">{size:,} runs</text>',
            f'<line x1="{x}" y1="{_MARGIN + 10}" x2="{x}" y2="{height - _MARGIN}" stroke="#475569" '
            'stroke-dasharray="4 4"/>',
        ]
    for row, quota in enumerate(ordered, start=1):
        y, end = _MARGIN + row * _ROW, _across(quota.reached_at(demand))
        begin = _MARGIN + _LABELS
        lines += [
            f'<text x="{begin - 8}" y="{y + 4}" text-anchor="end" font-size="12">{escape(quota.what)}</text>',
            f'<rect x="{begin}" y="{y - 7}" width="{end - begin:g}" height="14" fill="#ffedd5" stroke="#475569"/>',
            f'<text x="{end + 6:g}" y="{y + 4}" font-size="12" fill="#1e293b" stroke="#ffffff" stroke-width="4" '
            f'paint-order="stroke">{_rounded(quota.reached_at(demand))}</text>',
        ]
    return "\n".join([*lines, "</svg>"]) + "\n"


def main() -> int:
    """Write the tables and the picture, and print what each size demands."""
    for page, computed in PAGES.items():
        page.write_text(with_tables(page.read_text(encoding="utf-8"), computed()), encoding="utf-8")
    PICTURE.write_text(picture(), encoding="utf-8")
    print(scale_tables()["sizes"])
    return 0


PAGES: Mapping[Path, Callable[[], Mapping[str, str]]] = {
    _DOCS / "scale.md": scale_tables,
    _DOCS / "costs.md": cost_tables,
}
"""The documents with computed tables."""


def _ordered(demand: Demand) -> list[Quota]:
    return sorted(QUOTAS, key=lambda quota: quota.reached_at(demand))


def _of_size(size: int, demand: Demand, ordered: Sequence[Quota]) -> tuple[str, ...]:
    exceeded = [quota for quota in ordered if quota.reached_at(demand) < size]
    ramp_seconds = math.ceil(size / _SCALING_STEP) * _SCALING_STEP_SECONDS
    return (
        f"{size:,}",
        f"{size * demand.runs:,.1f}",
        f"{len(exceeded)} of {len(ordered)}",
        exceeded[0].what.partition(",")[0] if exceeded else "none",
        f"{ramp_seconds:,} s",
        _dollars(size * demand.dollars * _MONTH_SECONDS),
        _dollars(size * demand.model_dollars * _MONTH_SECONDS),
    )


def _of_quota(quota: Quota, demand: Demand) -> tuple[str, ...]:
    shares = [size * quota.demand(demand) / quota.limit for size in _SIZES]
    service, _, what = quota.what.partition(": ")
    return (
        f"[{service}]({quota.source}): {what}",
        f"{quota.limit:,}",
        *map(_share, shares),
        _rounded(quota.reached_at(demand)),
        quota.remedy,
        quota.read_at,
    )


def _share(share: float) -> str:
    """Return a multiple of a quota, bold if it exceeds it."""
    rounded = float(f"{share:.2g}")
    return "under 0.01" if share < 0.01 else f"{rounded:g}" if share <= 1 else f"**{rounded:,g}**"


def _rounded(runs: int) -> str:
    return f"{float(f'{runs:.2g}'):,.0f}"


def _dollars(amount: float) -> str:
    return f"${float(f'{amount:.2g}'):,.0f}"


def _across(runs: int) -> float:
    """Return the place of a number of runs on the logarithmic axis."""
    share = math.log(runs / _AXIS_BEGIN) / math.log(_AXIS_END / _AXIS_BEGIN)
    return round(_MARGIN + _LABELS + share * _BARS, 1)


if __name__ == "__main__":
    sys.exit(main())
