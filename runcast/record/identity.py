"""Validates the run, owner and query that an event names.

Events come from starters, from other services, or from any caller that may invoke an agent directly. So every field
is validated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runcast import limits
from runcast.errors import InvalidInput
from runcast.record.ids import canonical_id, is_derived, owner_name
from runcast.record.model import PUBLIC, Owner
from runcast.text import is_well_formed

_PART_MAX = 1_000_000
_TIME_MAX_MS = 2**53


@dataclass(frozen=True)
class RunIdentity:
    """A run's id, its owner, and its job, if any.

    `created_at_ms` is when a starter has put the run's record, epoch milliseconds; None if no starter has.
    """

    request_id: str
    owner: Owner
    job_id: str | None = None
    created_at_ms: int | None = None


def run_identity(event: Mapping[str, Any], *, request_id: str) -> RunIdentity:
    """Return the identity of the run that an event names.

    Args:
        event: May have `requestId`, `userId`, `tenantId`, `jobId` and `createdAt`; other fields are ignored.
        request_id: Used if the event has no `requestId`.

    Raises:
        InvalidInput: A field is invalid; the message names it and its limit.
    """
    owner = owner_of(event.get("userId"), event.get("tenantId"))
    given_id, job_id = (_id(event, field) for field in ("requestId", "jobId"))
    if given_id and not job_id and is_derived(given_id):
        raise InvalidInput("requestId must not be a UUID of version 5: only the runs of a job have those.")
    return RunIdentity(given_id or request_id, owner, job_id, _created_at_ms(event))


def owner_of(user_id: Any, tenant_id: Any) -> Owner:
    """Return the owner that an event names.

    Args:
        user_id: The event's `userId`; None for the public owner.
        tenant_id: The event's `tenantId`; None for a user who is their own tenant.

    Raises:
        InvalidInput: A field is invalid, or the event has a tenant but no user.
    """
    for field, value in (("userId", user_id), ("tenantId", tenant_id)):
        if value is not None:
            owner_name(field, value)
    if tenant_id is not None and user_id is None:
        raise InvalidInput("userId must be given where tenantId is.")
    return PUBLIC if user_id is None else Owner(tenant_id or user_id, user_id)


def part_of(event: Mapping[str, Any]) -> int:
    """Return the part of the run that an event is for; 1 if it names none.

    Raises:
        InvalidInput: It is not a number of a part.
    """
    part = event.get("part", 1)
    if type(part) is not int or not 1 <= part < _PART_MAX:
        raise InvalidInput(f"part must be a whole number from 1 to {_PART_MAX - 1}.")
    return part


def checked_query(given: Any) -> str:
    """Return the query if it is valid.

    Raises:
        InvalidInput: It is not text, or its length is out of bounds.
    """
    if not (isinstance(given, str) and given.strip() and len(given) <= limits.QUERY_MAX_CHARACTERS):
        raise InvalidInput(f"query must be text of 1 to {limits.QUERY_MAX_CHARACTERS:,} characters.")
    if not is_well_formed(given):
        raise InvalidInput("query must be well-formed text: it holds half a surrogate pair.")
    return given


def _created_at_ms(event: Mapping[str, Any]) -> int | None:
    created_at_ms = event.get("createdAt")
    if created_at_ms is None or (type(created_at_ms) is int and 0 < created_at_ms < _TIME_MAX_MS):
        return created_at_ms
    raise InvalidInput(f"createdAt must be a whole number of milliseconds from 1 to {_TIME_MAX_MS - 1}.")


def _id(event: Mapping[str, Any], field: str) -> str | None:
    value = event.get(field)
    return None if value is None else canonical_id(field, value)
