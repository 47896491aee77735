"""What one hostile user costs depends on each limit."""

from __future__ import annotations

from chalicelib.runtime.owner_limits import OwnerLimits

from bench.costs import costs_of_hostile_user


def test_a_smaller_limit_costs_less():
    def total(limits: OwnerLimits) -> float:
        return sum(price for *_, price in costs_of_hostile_user(limits))

    most = total(OwnerLimits())
    smaller = [OwnerLimits(user_open_runs=1), OwnerLimits(user_starts_per_minute=1), OwnerLimits(user_tokens_per_day=1)]
    assert all(total(limits) < most for limits in smaller)
