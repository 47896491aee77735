"""Which run, whose, and what it is asked: what an event says of it, checked.

Events come from starters, from other services, or from whoever may invoke an agent directly, so nothing in them is
taken for granted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runcast import limits
from runcast.errors import InvalidInput
from runcast.record.model import PUBLIC, Owner


@dataclass(frozen=True)
class RunIdentity:
    """Which run, whose, and for which job."""

    request_id: str
    owner: Owner
    job_id: str | None = None


def run_identity(event: Mapping[str, Any], *, request_id: str) -> RunIdentity:
    """Return which run an event is about.

    Args:
        event: `requestId`, `userId`, `tenantId` and `jobId`, where given; whatever else it holds is not looked at.
        request_id: Stands in for a missing `requestId`.

    Raises:
        InvalidInput: A name does not fit; the message says which, and the limit.
    """
    user_id = _name(event, "userId", limits.NAME_MAX_CHARACTERS)
    tenant_id = _name(event, "tenantId", limits.NAME_MAX_CHARACTERS)
    if tenant_id and not user_id:
        raise InvalidInput("userId must be given where tenantId is.")
    return RunIdentity(
        request_id=_name(event, "requestId", limits.REQUEST_ID_MAX_CHARACTERS) or request_id,
        owner=Owner(tenant_id or user_id, user_id) if user_id else PUBLIC,
        job_id=_name(event, "jobId", limits.REQUEST_ID_MAX_CHARACTERS),
    )


def checked_query(given: Any) -> str:
    """Return what an agent is asked.

    Raises:
        InvalidInput: It is no text of a fitting length.
    """
    if isinstance(given, str) and given.strip() and len(given) <= limits.QUERY_MAX_CHARACTERS:
        return given
    raise InvalidInput(f"query must be text of 1 to {limits.QUERY_MAX_CHARACTERS:,} characters.")


def _name(event: Mapping[str, Any], field: str, max_characters: int) -> str | None:
    """Return an optional name; "#" is kept out because the record's keys are joined with it."""
    value = event.get(field)
    if value is None:
        return None
    if isinstance(value, str) and 1 <= len(value) <= max_characters and "#" not in value:
        return value
    raise InvalidInput(f"{field} must be text of 1 to {max_characters} characters without '#'.")
