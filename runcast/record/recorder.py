"""The recorder: takes the steps of one run without the run ever waiting for their record.

`record()` only queues; a background thread (`writer`) makes the steps durable, then live. The run itself waits in two
places only, `claim()` and `end()`, together for at most `ADDED_TIME_SECONDS`, whatever DynamoDB and the live channel
do meanwhile.
"""

from __future__ import annotations

import json
import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextvars import copy_context
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, NamedTuple

from runcast import limits
from runcast.clock import epoch_ms
from runcast.record.model import Json, Owner, RunStatus, metadata_json, result_json, shortened
from runcast.record.store import End, RunStore
from runcast.record.writer import Assignment, Claim, QueuedStep, Writer

logger = logging.getLogger(__name__)


class Progress(NamedTuple):
    """The steps recorded so far: the last ones, where all would be too many (`cut`)."""

    steps: list[Json]
    cut: bool


@dataclass(frozen=True)
class Report:
    """What the recorder kept.

    Attributes:
        recorded: How many steps the record holds, as far as this worker knows.
        unrecorded: Steps that were taken but could not be recorded.
        unpublished: Steps that were recorded but not handed to the live channel.
    """

    recorded: int
    unrecorded: int
    unpublished: int

    @property
    def degraded(self) -> bool:
        """Whether the record lacks something."""
        return self.unrecorded > 0


class Recorder:
    """Records one run for the one worker that claims it.

    Args:
        store: The table.
        request_id: The run.
        owner: Whose it is, unless its record says already.
        agent: What runs.
        worker: Who claims it: unique to this invocation.
        job_id: The job it belongs to.
        deadline_ms: When this worker will be stopped (epoch ms); the lease never goes past it.
        publish: Sends status messages and returns how many were handed over; must not raise.
        now_ms: The wall clock.
        monotonic: Seconds, for the time that the run waits.
        jitter: A number from 0 to 1, for back-off.
    """

    def __init__(
        self,
        store: RunStore,
        *,
        request_id: str,
        owner: Owner,
        agent: str,
        worker: str,
        job_id: str | None = None,
        deadline_ms: int | None = None,
        publish: Callable[[list[Json]], int] | None = None,
        now_ms: Callable[[], int] = epoch_ms,
        monotonic: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._now_ms = now_ms
        self._monotonic = monotonic
        self._waited_seconds = 0.0
        self._ended = False
        self._dropped = 0
        self._queue: SimpleQueue[QueuedStep] = SimpleQueue()
        self._run = Assignment(request_id, owner, agent, job_id, worker, deadline_ms, began_ms=now_ms())
        self._writer = Writer(store, self._run, self._queue, publish, now_ms=now_ms, jitter=jitter)
        # What is logged there belongs to this run, even if it is logged when the process does the next one already.
        work = copy_context().run
        self._thread = threading.Thread(
            target=work, args=(self._writer.work,), name=f"recorder-{request_id}", daemon=True
        )

    def claim(self) -> Claim:
        """Claim the run, waiting at most `CLAIM_WAIT_SECONDS` for the answer.

        Returns:
            `UNANSWERED` when DynamoDB has not answered yet: the run may go ahead, and the recorder goes on claiming.
        """
        began = self._monotonic()
        self._thread.start()
        self._writer.claim_known.wait(limits.CLAIM_WAIT_SECONDS)
        self._waited_seconds = self._monotonic() - began
        return self._writer.claim

    def record(
        self,
        step: str,
        message: str = "",
        *,
        agent_name: str | None = None,
        tool_name: str | None = None,
        status: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Queue one step. Never raises, never waits; ignored once the run has ended.

        Args:
            step: What happened.
            message: For people; over `MESSAGE_MAX_CHARACTERS` it is shortened.
            agent_name: Which agent, where it is not the run's own.
            tool_name: Which tool is called.
            status: The live name, where it is not the step's own name.
            metadata: JSON, at most `METADATA_MAX_BYTES`.
        """
        if not self._ended:
            self._enqueue(step, message, agent_name, tool_name, status, metadata)

    def end(
        self,
        status: RunStatus,
        message: str,
        *,
        result: Any = None,
        error: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Report:
        """Record the last step (or the pause, for `waiting`), flush, and stop.

        Waits for what is left of `ADDED_TIME_SECONDS`; what could not be kept by then is given up and reported.

        Args:
            status: What the run came to.
            message: Of the last step.
            result: What came out; over `RESULT_MAX_BYTES` it is shortened.
            error: Why it failed; over `ERROR_MAX_CHARACTERS` it is shortened.
            metadata: Of the last step.
        """
        self._ended = True
        self._writer.hurry()
        end = End(status, result_json(result), None if error is None else shortened(error, limits.ERROR_MAX_CHARACTERS))
        live = {RunStatus.COMPLETE: "agent_complete", RunStatus.ERROR: "agent_error"}.get(status)
        self._enqueue(status.value, message, None, None, live, metadata, end)
        if self._thread.is_alive():
            self._thread.join(max(0.0, limits.ADDED_TIME_SECONDS - self._waited_seconds))
        self._writer.give_up()
        report = Report(self._writer.seq, self._writer.unrecorded + self._dropped, self._writer.unpublished)
        if report.unrecorded or report.unpublished:
            logger.warning("run %s was not kept whole: %s", self._run.request_id, report)
        return report

    def progress(self) -> Progress:
        """Return the steps recorded so far: the last `ANSWER_MAX_STEPS` of at most `ANSWER_MAX_BYTES`."""
        kept: deque[Json] = deque()
        room_bytes = limits.ANSWER_MAX_BYTES
        for step in reversed(list(self._writer.recorded)):
            room_bytes -= len(json.dumps(step))
            if room_bytes < 0:
                break
            kept.appendleft(step)
        return Progress(list(kept), cut=len(kept) < self._writer.seq)

    def elapsed_seconds(self) -> float:
        """Return the seconds since the run began: since its record was made, where that is known."""
        return self._run.seconds_since_began(self._now_ms())

    def _enqueue(
        self,
        step: str,
        message: str,
        agent_name: str | None,
        tool_name: str | None,
        status: str | None,
        metadata: Mapping[str, Any] | None,
        end: End | None = None,
    ) -> None:
        """Queue a step as it shall stand in the record: written out now, because the caller may change things later."""
        timestamp_ms = self._now_ms()
        if end is None and self._queue.qsize() >= limits.QUEUE_MAX_STEPS:
            self._dropped += 1
            return
        try:
            queued = QueuedStep(
                _name(step) or "unnamed",
                shortened(message, limits.MESSAGE_MAX_CHARACTERS),
                timestamp_ms,
                _name(agent_name),
                _name(tool_name),
                _name(status),
                metadata_json(metadata),
                end,
            )
        except Exception:  # noqa: BLE001 - somebody's __str__ may raise anything, and the run must not care
            queued = QueuedStep("unnamed", "What was told of this step is unreadable", timestamp_ms, end=end)
        self._queue.put(queued)


def _name(name: str | None) -> str | None:
    """Return a name that fits; an empty one is none."""
    return shortened(name, limits.NAME_MAX_CHARACTERS) if name else None
