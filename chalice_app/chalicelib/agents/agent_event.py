"""Validates the event of the agent Lambda.

It comes from the starter or from any principal that may invoke the Lambda, so no field is trusted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.agents import registry
from chalicelib.runtime.request import RunRequest, require_declared, run_request
from runcast.errors import InvalidInput
from runcast.record.identity import RunIdentity, run_identity


@dataclass(frozen=True)
class AgentEvent:
    """A validated invocation.

    Attributes:
        request: The agent, the query and the parameters.
        identity: The run's ids and owner. The `requestId` is the invoker's, or else Lambda's own request id.
        awaited: Whether the invoker waits for the Lambda's answer.
    """

    request: RunRequest
    identity: RunIdentity
    awaited: bool


def agent_event(event: Any, *, aws_request_id: str) -> AgentEvent:
    """Validate the event.

    Args:
        event: `agent` and `query`; optionally `parameters`, `requestId`, `userId`, `tenantId`, `jobId`, and
            `awaited: false` if the invoker does not wait for the answer.
        aws_request_id: Replaces a missing `requestId`. It is the same in each delivery of an event.

    Raises:
        InvalidInput: A field is invalid, or the agent's schema refuses the parameters; the message names the field and
            its limit.
    """
    if not isinstance(event, Mapping):
        raise InvalidInput("The event must be a JSON object.")
    request = run_request(event, registry.names())
    identity = run_identity(event, request_id=aws_request_id)
    if identity.job_id is None:
        # Those of a job were checked as its playbook was loaded; by now, they also contain what the agent reads.
        require_declared(request.parameters, registry.parameters_schema(request.agent), request.agent)
    return AgentEvent(request, identity, event.get("awaited") is not False)
