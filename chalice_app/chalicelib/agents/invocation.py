"""The event of the agent Lambda, checked.

It comes from the starter, or from whoever may invoke the Lambda directly, so nothing in it is taken for granted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.request import RunRequest, run_request
from runcast import limits
from runcast.errors import InvalidInput
from runcast.record.model import PUBLIC, Owner


@dataclass(frozen=True)
class Invocation:
    """One run to be done.

    Attributes:
        request: What to run.
        request_id: The run's id, chosen by the invoker or else the Lambda's own request id.
        owner: Whose run it is.
        job_id: The job it belongs to.
    """

    request: RunRequest
    request_id: str
    owner: Owner
    job_id: str | None


def invocation_of(event: Any, *, aws_request_id: str) -> Invocation:
    """Return the checked event.

    Args:
        event: `agent`, `query` and, where given, `parameters`, `requestId`, `userId`, `tenantId`, `jobId`.
        aws_request_id: Stands in for a missing `requestId`: a redelivery of the event repeats it.

    Raises:
        InvalidInput: The event does not fit; the message names the field and the limit.
    """
    if not isinstance(event, Mapping):
        raise InvalidInput("The event must be a JSON object.")
    return Invocation(
        request=run_request(event),
        request_id=_name(event, "requestId", limits.REQUEST_ID_MAX_CHARACTERS) or aws_request_id,
        owner=_owner(
            _name(event, "userId", limits.NAME_MAX_CHARACTERS), _name(event, "tenantId", limits.NAME_MAX_CHARACTERS)
        ),
        job_id=_name(event, "jobId", limits.REQUEST_ID_MAX_CHARACTERS),
    )


def _owner(user_id: str | None, tenant_id: str | None) -> Owner:
    if user_id:
        return Owner(tenant_id or user_id, user_id)
    if tenant_id:
        raise InvalidInput("userId must be given where tenantId is.")
    return PUBLIC


def _name(event: Mapping[str, Any], field: str, max_characters: int) -> str | None:
    """Return an optional name; "#" is kept out because the record's keys are joined with it."""
    value = event.get(field)
    if value is None:
        return None
    if isinstance(value, str) and 1 <= len(value) <= max_characters and "#" not in value:
        return value
    raise InvalidInput(f"{field} must be text of 1 to {max_characters} characters without '#'.")
