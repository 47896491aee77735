"""Starting a job: put its record, then start the execution of the state machine that bears the same id.

The record is put first, so that a client that has been given a `jobId` can always read it, and a job that could not be
handed over is told as ended instead of hanging. Nothing here knows how the client asked (GraphQL or REST).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from typing import Any
from uuid import uuid4

from chalicelib.lifecycle.executions import Executions
from chalicelib.orchestrator.job import AGENT
from chalicelib.runtime import logs
from chalicelib.runtime.request import job_request
from runcast.errors import Conflict, RunExists, StoreUnavailable, Unavailable
from runcast.record.ending import Ending, end_unclaimed
from runcast.record.ids import chosen_id
from runcast.record.model import Json, Owner, Run
from runcast.record.store import RunStore

logger = logging.getLogger(__name__)


def start_job(
    given: Mapping[str, Any],
    owner: Owner,
    *,
    store: RunStore,
    executions: Executions,
    playbooks: Collection[str],
    announce: Callable[[Ending], None],
    new_id: Callable[[], object] = uuid4,
) -> Json:
    """Start a job for `owner` and return at once; the job goes on in the background.

    Args:
        given: `playbook`, `query`, `parameters` and `jobId` as the client sent them; the last two may be missing.
        owner: Whose job it will be.
        store: The records.
        executions: The state machine's.
        playbooks: The names that `playbook` may be.
        announce: Tells of an end; must not raise.
        new_id: Makes the `jobId` where none was chosen.

    Returns:
        `jobId`, `status` and `createdAt` (epoch ms). A `jobId` that the owner has used before answers that job; its
        execution is started if nobody has taken it.

    Raises:
        InvalidInput: A field does not fit.
        Conflict: The chosen `jobId` is somebody else's, or a run's.
        Unavailable: The job could not be recorded or handed over; it does not go on.
    """
    request = job_request(given, playbooks)
    job_id = chosen_id("jobId", given.get("jobId")) or str(new_id())
    logs.about_run(job_id)
    found = False
    try:
        job = store.create(job_id, owner=owner, agent=AGENT, job_id=job_id, playbook=request.playbook)
    except RunExists as exists:
        if exists.run.owner != owner or not exists.run.playbook:
            raise Conflict("jobId is taken. Choose another UUID, or leave it out.") from exists
        job = exists.run
        if job.worker or job.status.ended or job.playbook != request.playbook:
            return _started(job)
        # No execution has taken it: perhaps the answer to its write was lost, or the process that wrote it died. An
        # execution of the same name and input is started once.
        found = True
    except StoreUnavailable as error:
        raise Unavailable("The job could not be recorded. Try again with the same jobId.") from error

    execution_input = {
        "jobId": job_id,
        "playbook": request.playbook,
        "query": request.query,
        "parameters": request.parameters,
        "userId": owner.user_id,
        "tenantId": owner.tenant_id,
    }
    try:
        executions.start(job_id, execution_input)
    except Unavailable as error:
        logger.warning("job %s was not handed to its state machine: %s", job_id, error)
        if found:
            # It may have been handed over before. If not, it reads as lost, and the sweep ends it.
            return _started(job)
        # Without an answer, or where there is such an execution already, the job may be at work all the same: then the
        # execution's claim decides. An execution that bears the id of an earlier job, long expired, claims nothing.
        if ending := end_unclaimed(store, job, message="The job could not be handed to its state machine."):
            announce(ending)
            raise Unavailable(
                "The job could not be handed to its state machine. Try again with another jobId."
            ) from error
    return _started(job)


def _started(job: Run) -> Json:
    return {"jobId": job.request_id, "status": job.status.value, "createdAt": job.created_at_ms}
