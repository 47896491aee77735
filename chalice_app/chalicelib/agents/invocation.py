"""The event of the agent Lambda, checked.

It comes from the starter, or from whoever may invoke the Lambda directly, so nothing in it is taken for granted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.agents import registry
from chalicelib.runtime.request import RunRequest, run_request
from runcast.errors import InvalidInput
from runcast.record.identity import RunIdentity, run_identity


@dataclass(frozen=True)
class Invocation:
    """One run to be done.

    Attributes:
        request: What to run.
        identity: Which run it is, and whose. Its id is the invoker's, or else the Lambda's own request id.
        awaited: Whether somebody waits for the Lambda's answer.
    """

    request: RunRequest
    identity: RunIdentity
    awaited: bool


def invocation_of(event: Any, *, aws_request_id: str) -> Invocation:
    """Return the checked event.

    Args:
        event: `agent`, `query` and, where given, `parameters`, `requestId`, `userId`, `tenantId`, `jobId`,
            and `awaited: false` if nobody waits for the answer.
        aws_request_id: Stands in for a missing `requestId`: a redelivery of the event repeats it.

    Raises:
        InvalidInput: The event does not fit; the message names the field and the limit.
    """
    if not isinstance(event, Mapping):
        raise InvalidInput("The event must be a JSON object.")
    request = run_request(event, registry.names())
    identity = run_identity(event, request_id=aws_request_id)
    return Invocation(request, identity, event.get("awaited") is not False)
