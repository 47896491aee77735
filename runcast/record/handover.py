"""Handing a run's end to another worker when this one cannot store it in time.

A worker with a waiting caller has two seconds to store its end, and a worker at its deadline is about to be stopped.
So the worker sends the end in an asynchronous invocation of `run_closer`, which does not depend on DynamoDB.
`run_closer` then writes the end with retries, under this worker's claim and with the same writer.
"""

from __future__ import annotations

import json
import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runcast import limits
from runcast.errors import Unavailable
from runcast.json_text import json_text
from runcast.record.assignment import Assignment, Claim, QueuedStep
from runcast.record.identity import run_identity
from runcast.record.model import Json, Owner, RunEnded, RunStatus
from runcast.record.outbox import Outbox
from runcast.record.step_queue import StepQueue
from runcast.record.stop_signal import StopSignal
from runcast.record.store import End, RunStore
from runcast.record.writer import Writer
from runcast.redaction import clean_metadata_text, clean_text

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

logger = logging.getLogger(__name__)

HANDED_OVER_END = "handedOverEnd"
"""The event key that holds a handed-over end."""

NEXT_PART = "nextPart"
"""The event key that holds the id of a run whose next part must be handed to a worker."""


CHANGED_RUN = "changedRun"
"""The event key that names a run of a job that has changed: it has ended, waits for an answer, or was answered."""


def changed_run_event(request_id: str, owner: Owner, job_id: str) -> Json:
    """Return the event by which `run_closer` reports a change of a run to the execution of its job."""
    identity = {"requestId": request_id, "userId": owner.user_id, "tenantId": owner.tenant_id, "jobId": job_id}
    return {CHANGED_RUN: identity}


def report_to_job(hand_over: Callable[[Json], bool], changed: RunEnded) -> None:
    """Ask `run_closer` to report the end or the question of a job's run to the job; a no-op for other runs."""
    if changed.job_id:
        hand_over(changed_run_event(changed.request_id, changed.owner, changed.job_id))


class EndHandover:
    """Hands ends, runs that continue in a next part, and changes of runs of jobs, to the Lambda `run_closer`.

    Args:
        client: Returns the boto3 Lambda client, made with `LIVE_CLIENT_CONFIG`; called when something is sent.
        function_name: The Lambda's name or ARN.
    """

    def __init__(self, client: Callable[[], LambdaClient], function_name: str) -> None:
        self._client = client
        self._function_name = function_name

    def send(self, event: Json) -> bool:
        """Invoke the Lambda asynchronously; return whether it took the event. Never raises."""
        try:
            self._client().invoke(
                FunctionName=self._function_name, InvocationType="Event", Payload=json_text(event).encode()
            )
        except Exception as error:  # noqa: BLE001 - after any failure, the response reports the end as pending
            logger.warning("run_closer was not invoked: %s", error)
            return False
        return True


@dataclass(frozen=True)
class HandedOverEnd:
    """A run's end, with everything that its writer needs.

    Attributes:
        assignment: The run and the worker that claimed it.
        end: The last step.
        taken: How many steps came before it, recorded or not.
    """

    assignment: Assignment
    end: QueuedStep
    taken: int

    def to_event(self) -> Json:
        """Return the event for `run_closer`."""
        run, step, end = self.assignment, self.end, self.end.end or End(RunStatus.ERROR)
        return {
            HANDED_OVER_END: {
                "requestId": run.request_id,
                "tenantId": run.owner.tenant_id,
                "userId": run.owner.user_id,
                "agent": run.agent,
                "jobId": run.job_id,
                "worker": run.worker,
                "createdAt": run.created_at_ms,
                "part": run.part,
                "taken": self.taken,
                "step": step.step,
                "message": clean_text(step.message, "message", limits.MESSAGE_MAX_CHARACTERS),
                "timestamp": step.timestamp_ms,
                "liveStatus": step.status,
                "metadata": clean_metadata_text(step.metadata_text()),
                "status": end.status.value,
                "result": end.result_json,
                "error": end.error,
                "reason": end.reason,
                "snapshotKey": end.snapshot_key,
            }
        }

    @classmethod
    def of_event(cls, event: Mapping[str, Any]) -> HandedOverEnd:
        """Return the end that an event of `to_event` describes.

        Raises:
            InvalidInput: The id of the run or job, or the owner, is invalid.
            AttributeError, KeyError, OverflowError, TypeError, ValueError: The event does not have this form.
        """
        told = event[HANDED_OVER_END]
        if not all(isinstance(told[name], str) for name in ("requestId", "agent", "worker", "step", "message")):
            raise TypeError
        run = run_identity(told, request_id=told["requestId"])
        assignment = Assignment(
            request_id=run.request_id,
            owner=run.owner,
            agent=told["agent"],
            job_id=run.job_id,
            worker=told["worker"],
            began_ms=int(told["timestamp"]),
            created_at_ms=run.created_at_ms,
            part=int(told.get("part", 1)),
        )
        status = RunStatus(told["status"])
        hands_over_nothing = status is RunStatus.IN_PROGRESS and not told.get("snapshotKey")
        if hands_over_nothing or not isinstance(json.loads(told["metadata"] or "{}"), dict):
            raise ValueError
        json.loads(told["result"] or "null")
        end = End(
            status, told["result"], told["error"], reason=_text(told, "reason"), snapshot_key=_text(told, "snapshotKey")
        )
        step = QueuedStep(
            told["step"],
            told["message"],
            int(told["timestamp"]),
            status=told["liveStatus"],
            metadata_json=told["metadata"],
            end=end,
        )
        return cls(assignment, step, int(told["taken"]))


def _text(told: Mapping[str, Any], name: str) -> str | None:
    """Return a text in an event; None if its worker had none, or is of a version that did not send it."""
    text = told.get(name)
    if not (text is None or isinstance(text, str)):
        raise TypeError
    return text


def write_handed_over(
    store: RunStore,
    handed: HandedOverEnd,
    *,
    send: Callable[[list[Json]], int],
    on_end: Callable[[RunEnded], None],
    give_up: Callable[[], bool],
    monotonic: Callable[[], float] = time.monotonic,
    jitter: Callable[[], float] = random.random,
) -> bool:
    """Write a worker's end under its claim, after the record's last step; return whether this call wrote it.

    A no-op if another worker has claimed the run, the run has ended, or its record is gone.

    Args:
        store: The table.
        handed: The end.
        send: Sends status messages and returns how many were accepted; must not raise.
        on_end: Called once the end is stored.
        give_up: Checked before each attempt; returns whether the time is over.
        monotonic: Seconds.
        jitter: A number from 0 to 1, for back-off.

    Raises:
        Unavailable: DynamoDB did not answer in time; a retry is safe.
    """
    queue = StepQueue(handed.taken)
    queue.put(handed.end)
    outbox = Outbox(send)
    stops = StopSignal(handed.assignment.request_id)
    writer = Writer(
        store, handed.assignment, queue, outbox, stops, on_end, now_ms=store.now_ms, monotonic=monotonic, jitter=jitter,
        give_up=give_up,
    )  # fmt: skip
    writer.begin()
    going_on = writer.claiming.state is Claim.CLAIMED
    while going_on:
        going_on = writer.write_next()
    outbox.close()
    outbox.work()
    if not writer.end_stored and stops.stop is None:
        raise Unavailable(f"The end of run {handed.assignment.request_id} could not be stored. Try again.")
    return writer.end_stored
