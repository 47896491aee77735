"""The budget of tokens of a runner in a test, counted in the test's table."""

from __future__ import annotations

from typing import Any

from chalicelib.agents.token_budget import TokenBudget
from chalicelib.runtime.owner_limits import OwnerLimits

from runcast.record.owner_counts import OwnerCounts
from runcast.record.table import Table


def token_budget(client: Any, **limits: int) -> TokenBudget:
    return TokenBudget(OwnerLimits(**limits), OwnerCounts(Table(client, "AgentProgress")))
