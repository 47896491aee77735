"""A run's end that another worker writes, because its own could not store it in time (`handover`).

This is separate from `handover` because it brings the writer, which most Lambdas do not need.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from runcast import limits
from runcast.errors import Unavailable
from runcast.record.assignment import Assignment, Claim, QueuedStep
from runcast.record.handover import HANDED_OVER_END
from runcast.record.identity import run_identity
from runcast.record.model import Json, RunEnded, RunStatus
from runcast.record.outbox import Outbox
from runcast.record.step_queue import StepQueue
from runcast.record.stop_signal import StopSignal
from runcast.record.store import End, RunStore
from runcast.record.writer import Writer
from runcast.redaction import clean_metadata_text, clean_text


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
