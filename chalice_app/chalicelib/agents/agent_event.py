"""Validates the event of the agent Lambda.

It comes from the starter or from any principal that may invoke the Lambda, so no field is trusted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.agents import registry
from chalicelib.runtime.request import RunRequest, known_agent, require_declared, run_request
from runcast.errors import InvalidInput
from runcast.record.attachments import named_attachments, prompt_with
from runcast.record.identity import RunIdentity, part_of, run_identity
from runcast.record.ids import chosen_id
from runcast.record.model import Json
from runcast.record.objects import PrivateObjects


@dataclass(frozen=True)
class AgentEvent:
    """A validated invocation.

    Attributes:
        request: The agent, the query and the parameters. Of a later part only the agent; the rest was saved by the
            part before it.
        identity: The run's ids and owner. The `requestId` is the invoker's, or else Lambda's own request id.
        awaited: Whether the invoker waits for the Lambda's answer.
        part: Which part of the run this is; 1 unless the run goes on after an answer.
        conversation_id: The conversation of which the run is a turn, so that it begins only with its record. The record
            has the final say.
    """

    request: RunRequest
    identity: RunIdentity
    awaited: bool
    part: int = 1
    conversation_id: str | None = None

    @property
    def ids(self) -> dict[str, Any]:
        """The ids that `build(run)` gets, and that tools find in `invocation_state`."""
        identity = self.identity
        return {
            "request_id": identity.request_id,
            "user_id": identity.owner.user_id,
            "tenant_id": identity.owner.tenant_id,
            "job_id": identity.job_id,
        }

    def prompt(self, objects: PrivateObjects) -> str | list[Json]:
        """Return the prompt with which the run begins; see `prompt_with`."""
        identity, request = self.identity, self.request
        return prompt_with(request.attachments, request.query, identity.owner, identity.request_id, objects)


def agent_event(event: Any, *, aws_request_id: str) -> AgentEvent:
    """Validate the event.

    Args:
        event: `agent` and `query`; optionally `parameters`, `requestId`, `userId`, `tenantId`, `jobId`, and
            `attachments`, `awaited: false` if the invoker does not wait for the answer, and `conversationId` of a turn.
            Instead of `query`, `part` if the run goes on after an answer.
        aws_request_id: Replaces a missing `requestId`. It is the same in each delivery of an event.

    Raises:
        InvalidInput: A field is invalid, the agent's schema refuses the parameters, or the agent takes no attachments;
            the message names the field and its limit.
    """
    if not isinstance(event, Mapping):
        raise InvalidInput("The event must be a JSON object.")
    identity = run_identity(event, request_id=aws_request_id)
    awaited, part = event.get("awaited") is not False, part_of(event)
    if part == 1:
        request = run_request(event, registry.names())
        if identity.job_id is None:
            # Those of a job were checked as its playbook was loaded; by now, they also contain what the agent reads.
            require_declared(request.parameters, registry.parameters_schema(request.agent), request.agent)
        if attachments := named_attachments(event.get("attachments")):
            if not registry.takes_attachments(request.agent):
                raise InvalidInput(
                    f"The agent {request.agent} takes no attachments: its file lacks ATTACHMENTS = True."
                )
            request = replace(request, attachments=attachments)
        conversation_id = chosen_id("conversationId", event.get("conversationId"))
        return AgentEvent(request, identity, awaited, conversation_id=conversation_id)
    return AgentEvent(RunRequest(known_agent(event.get("agent"), registry.names()), ""), identity, awaited, part)
