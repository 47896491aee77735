"""The table of what one hostile user costs is computed from the default limits."""

from __future__ import annotations

import re
from pathlib import Path

from chalicelib.runtime.owner_limits import OwnerLimits

from bench.costs import costs_of_hostile_user

COSTS = Path(__file__).parents[2] / "docs" / "costs.md"


def as_table(rows: list[tuple[str, str, float]]) -> str:
    lines = ["| what | how much | US dollars |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {what} | {much} | {price:,.2f} |" for what, much, price in rows)])


def test_the_table_of_what_a_hostile_user_costs_is_computed():
    [written] = re.findall("<!-- hostile -->\n(.*?)\n<!-- /hostile -->", COSTS.read_text(), re.DOTALL)
    assert written == as_table(costs_of_hostile_user(OwnerLimits()))


def test_a_smaller_limit_costs_less():
    def total(limits: OwnerLimits) -> float:
        return sum(price for *_, price in costs_of_hostile_user(limits))

    most = total(OwnerLimits())
    smaller = [OwnerLimits(user_open_runs=1), OwnerLimits(user_starts_per_minute=1), OwnerLimits(user_tokens_per_day=1)]
    assert all(total(limits) < most for limits in smaller)
