"""The orchestrator's status messages: each checkpoint of a job, after it is recorded."""

from __future__ import annotations

from collections.abc import Callable

from runcast.record.message import step_update
from runcast.record.model import Json, Run, Step


def publish_checkpoint(send: Callable[[list[Json]], int], job: Run, checkpoint: Step) -> None:
    """Send a checkpoint to the job's owner.

    A checkpoint may be sent more than once; watchers recognize it by its `seq`.

    Args:
        send: Sends status messages and returns how many were accepted; must not raise.
        job: The job's record.
        checkpoint: The recorded step.
    """
    send([step_update(job.owner, checkpoint, request_id=job.request_id, job_id=job.job_id, agent=job.agent)])
