"""Starts a run or a job again, with the stored input of an earlier one, which is not returned to the caller."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from chalicelib.runtime.inputs import Inputs
from runcast.errors import InvalidInput
from runcast.record.ids import requested_id
from runcast.record.model import Json, Owner
from runcast.record.store import RunStore

Start = Callable[[Json], Json]
"""Starts a run or a job, given the fields that a client sends, and returns the answer."""

_OF_THE_EARLIER = ("agent", "query", "parameters", "attachments")
_OF_A_TURN = ("conversationId", "branchFrom")


def rerun(
    given: Mapping[str, Any], owner: Owner, *, store: RunStore, inputs: Inputs, start_run: Start, start_job: Start
) -> Json:
    """Start a new run or job with the input of an earlier one of the same owner, and return at once.

    Args:
        given: `rerunOf`, the earlier id; and `requestId`, the id of the new run or job, which may be missing.
        owner: The caller.
        store: The records.
        inputs: The private input objects.
        start_run: Starts a run for the caller.
        start_job: Starts a job for the caller.

    Returns:
        `requestId`, `status` and `createdAt` (epoch ms) of the new run or job.

    Raises:
        InvalidInput: A field is invalid, the caller has no such run, its input or an attachment is not stored, or its
            agent or playbook does not exist any more.
        Conflict: As for `start_run`.
        Unavailable: As for `start_run`, or the input could not be read.
    """
    if any(given.get(name) is not None for name in _OF_THE_EARLIER):
        raise InvalidInput(
            "rerunOf takes agent, query, parameters and attachments from the earlier run: leave them out."
        )
    if any(given.get(name) is not None for name in _OF_A_TURN):
        raise InvalidInput("rerunOf starts a run outside of conversations: leave out conversationId and branchFrom.")
    canonical = requested_id(given["rerunOf"], "rerunOf") if isinstance(given["rerunOf"], str) else None
    run = store.read(canonical) if canonical else None
    if run is None or run.owner != owner:
        raise InvalidInput("rerunOf must be the id of a run or a job of yours whose record has not expired.")
    stored = inputs.get(run)
    again = {name: stored[name] for name in ("query", "parameters")}
    if run.is_job:
        started = start_job({**again, "playbook": stored["playbook"], "jobId": given.get("requestId")})
        return {"requestId": started.pop("jobId"), "conversationId": None, **started}
    again["attachments"] = [each["attachmentId"] for each in stored.get("attachments", ())]
    return start_run({**again, "agent": stored["agent"], "requestId": given.get("requestId")})
