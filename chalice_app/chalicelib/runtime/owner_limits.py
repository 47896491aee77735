"""The limits of users and tenants, which the starters and the agent share."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import Any

from runcast.errors import InvalidInput


@dataclass(frozen=True)
class OwnerLimits:
    """What one user, and all users of one tenant together, may start and have in progress.

    Attributes:
        user_starts_per_minute: Starts of runs and jobs, and uploads, in a minute by the clock.
        tenant_starts_per_minute: The same for the tenant.
        user_open_runs: Runs and jobs in progress; those that wait for an answer do not count.
        tenant_open_runs: The same for the tenant.
        run_tokens: Tokens, in and out, that one run may use.
        user_tokens_per_day: Tokens that the user's runs may use on a day (UTC).
        user_upload_mb_per_day: Megabytes that the user may upload on a day (UTC).
    """

    user_starts_per_minute: int = 60
    tenant_starts_per_minute: int = 600
    user_open_runs: int = 20
    tenant_open_runs: int = 200
    run_tokens: int = 2_000_000
    user_tokens_per_day: int = 10_000_000
    user_upload_mb_per_day: int = 1_000


def limits_of(text: str) -> OwnerLimits:
    """Return the limits that a JSON object names, and the default of each other one.

    Raises:
        InvalidInput: It is no such object.
    """
    names = {setting.name for setting in fields(OwnerLimits)}
    try:
        given = json.loads(text)
    except ValueError:
        given = None
    if isinstance(given, dict) and given.keys() <= names and all(_is_limit(maximum) for maximum in given.values()):
        return OwnerLimits(**given)
    raise InvalidInput(f"LIMITS must be a JSON object of {', '.join(sorted(names))}, not {text!r}.")


def _is_limit(maximum: Any) -> bool:
    return isinstance(maximum, int) and not isinstance(maximum, bool) and maximum >= 1
