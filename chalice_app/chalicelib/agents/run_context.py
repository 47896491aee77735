"""The argument of an agent's `build(run)`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runcast.record.model import Json

if TYPE_CHECKING:
    from strands.models import Model


@dataclass(frozen=True)
class RunContext:
    """The run that an agent is built for.

    Attributes:
        query: The user's query, which is also the agent's prompt.
        parameters: The caller's parameters, at most 64 KB.
        model: The model to use, shared by all runs of this process.
        request_id: The run's id.
        user_id: The user who owns the run, as the credential names them; `public` for a run without a user.
        tenant_id: The user's tenant.
        job_id: The job that the run belongs to; None outside a job.
        conversation_id: The conversation of which the run is a turn; None outside a conversation.
        continues: Whether the agent will get the state of an earlier turn after `build`.
    """

    query: str
    parameters: Json
    model: Model
    request_id: str = ""
    user_id: str = "public"
    tenant_id: str = "public"
    job_id: str | None = None
    conversation_id: str | None = None
    continues: bool = False
