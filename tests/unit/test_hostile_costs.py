"""What one hostile user costs depends on each limit."""

from __future__ import annotations

from chalicelib.runtime.owner_limits import OwnerLimits

from bench.costs import costs_of_hostile_user


def test_a_smaller_limit_costs_less():
    def total(limits: OwnerLimits) -> float:
        return sum(price for *_, price in costs_of_hostile_user(limits))

    most = total(OwnerLimits())
    names = ("user_open_runs", "user_starts_per_minute", "user_tokens_per_day", "user_upload_mb_per_day")
    smaller = [OwnerLimits(**{name: 1}) for name in names]
    assert all(total(limits) < most for limits in smaller)
