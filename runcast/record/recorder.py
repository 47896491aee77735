"""The recorder: takes the steps of one run without the run ever waiting for their record.

`record()` only queues; a background thread (`writer`) makes the steps durable, and from there another (`outbox`) takes
them live. The run itself waits in two places only, `claim()` and `end()`, together for at most `ADDED_TIME_SECONDS`,
whatever DynamoDB and the live channel do meanwhile.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from contextvars import copy_context
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, NamedTuple

from runcast import limits
from runcast.clock import epoch_ms
from runcast.json_text import json_bytes, metadata_json, result_json
from runcast.record.assignment import Assignment, Claim, QueuedStep, StepRef, Stop
from runcast.record.ids import canonical_id
from runcast.record.model import EndedRun, Json, Owner, RunStatus
from runcast.record.outbox import Outbox
from runcast.record.store import End, RunStore
from runcast.record.writer import Writer
from runcast.text import shortened

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
        stop: Why the work was to stop before its end. After `TIME_UP` and `ENDED` the record holds another end than
            the one that `end()` was given, which is among the unrecorded; after `CANCELLED` it holds that one.
    """

    recorded: int
    unrecorded: int
    unpublished: int
    stop: Stop | None = None

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
        deadline_ms: When this worker will be stopped (epoch ms). The lease never goes past it, and `DEADLINE_MARGIN_MS`
            before it (or a quarter of the time until then, if that is less) the run is ended as an error.
        publish: Sends status messages and returns how many were handed over; must not raise.
        on_stop: Told, on another thread, that the work should stop before its end: asked to cancel it stops it and
            calls `end(CANCELLED)`. It may be told once more, when time is up meanwhile or another has ended the run. It
            must return at once.
        on_end: Told, on another thread, what the run has come to, once its end is stored by this worker and sent; the
            run waits for it only as for its record.
        now_ms: The wall clock.
        monotonic: Seconds, for the time that the run waits.
        jitter: A number from 0 to 1, for back-off.

    Raises:
        InvalidInput: The `request_id` does not fit.
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
        on_stop: Callable[[Stop], None] | None = None,
        on_end: Callable[[EndedRun], None] | None = None,
        now_ms: Callable[[], int] = epoch_ms,
        monotonic: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        request_id = canonical_id("requestId", request_id)
        self._now_ms = now_ms
        self._monotonic = monotonic
        self._waited_seconds = 0.0
        self._ended = False
        self._dropped = 0
        self._usage: Counter[str] = Counter()
        self._usage_lock = threading.Lock()
        self._queue: SimpleQueue[QueuedStep] = SimpleQueue()
        self._run = Assignment(request_id, owner, agent, job_id, worker, deadline_ms, began_ms=now_ms())
        self._outbox = Outbox(publish)
        self._writer = Writer(store, self._run, self._queue, self._outbox, on_end, now_ms=now_ms, jitter=jitter)
        if on_stop is not None:
            self._writer.when_stopped(on_stop)
        self._writing = _thread(self._writer.work, f"recorder-{request_id}")
        self._sending = _thread(self._outbox.work, f"recorder-{request_id}-live")

    @property
    def request_id(self) -> str:
        """Which run this is."""
        return self._run.request_id

    @property
    def stop(self) -> Stop | None:
        """Why the work should stop before its end, if it should."""
        return self._writer.stop

    def when_stopped(self, tell: Callable[[Stop], None]) -> None:
        """Let one more be told what `on_stop` is told; at once, if the work should have stopped already."""
        self._writer.when_stopped(tell)

    @property
    def claimed(self) -> Claim:
        """What is known of the claim now."""
        return self._writer.claim

    def has_waited(self, seconds: float) -> None:
        """Be told how long the run has waited for its claim: `end()` waits for so much less."""
        self._waited_seconds = seconds

    def claim(self, *, wait_seconds: float | None = None) -> Claim:
        """Claim the run.

        Args:
            wait_seconds: How long to wait for the answer; by default `CLAIM_WAIT_SECONDS`.

        Returns:
            `UNANSWERED` when DynamoDB has not answered yet: the run may go ahead, and the recorder goes on claiming.
        """
        began = self._monotonic()
        self._writing.start()
        self._sending.start()
        self._writer.claim_known.wait(limits.CLAIM_WAIT_SECONDS if wait_seconds is None else wait_seconds)
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
        parent: StepRef | None = None,
    ) -> StepRef:
        """Queue one step. Never raises, never waits; ignored once the run has ended.

        Args:
            step: What happened.
            message: For people; over `MESSAGE_MAX_CHARACTERS` it is shortened.
            agent_name: Which agent, where it is not the run's own.
            tool_name: Which tool is called.
            status: The live name, where it is not the step's own name.
            metadata: JSON, at most `METADATA_MAX_BYTES`.
            parent: What started this step; its number goes into the metadata as `parentSeq`.

        Returns:
            What stands for this step as a later one's `parent`.
        """
        ref = StepRef()
        if not self._ended:
            self._enqueue(step, message, agent_name, tool_name, status, metadata, ref=ref, parent=parent)
        return ref

    def add_usage(self, usage: Mapping[str, int]) -> None:
        """Count what a model call has used; the last step carries the sums as `metadata.usage`.

        Args:
            usage: Tokens by kind, as Strands counts them: `inputTokens`, `outputTokens`, `totalTokens`, ...
        """
        with self._usage_lock:
            self._usage.update(usage)

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
        self._writer.expect_end()
        end = End(status, result_json(result), None if error is None else shortened(error, limits.ERROR_MAX_CHARACTERS))
        live = {RunStatus.COMPLETE: "agent_complete", RunStatus.ERROR: "agent_error"}.get(status)
        if self._usage:
            metadata = {**(metadata or {}), "usage": dict(self._usage)}
        self._enqueue(status.value, message, None, None, live, metadata, end)
        give_up_at = self._monotonic() + limits.ADDED_TIME_SECONDS - self._waited_seconds
        for thread in (self._writing, self._sending):
            if thread.is_alive():
                thread.join(max(0.0, give_up_at - self._monotonic()))
        self._writer.give_up()
        self._outbox.give_up()
        writer = self._writer
        report = Report(writer.seq, writer.unrecorded + self._dropped, self._outbox.unpublished, writer.stop)
        if report.unrecorded or report.unpublished:
            logger.warning("run %s was not kept whole: %s", self._run.request_id, report)
        return report

    def progress(self) -> Progress:
        """Return the steps recorded so far: the last `ANSWER_MAX_STEPS` of at most `ANSWER_MAX_BYTES`."""
        kept: deque[Json] = deque()
        room_bytes = limits.ANSWER_MAX_BYTES
        for step in reversed(list(self._writer.recorded)):
            room_bytes -= json_bytes(step)
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
        ref: StepRef | None = None,
        parent: StepRef | None = None,
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
                metadata_json(metadata, questions=end is not None and end.status is RunStatus.WAITING),
                end,
                ref,
                parent,
            )
        except Exception:  # noqa: BLE001 - somebody's __str__ may raise anything, and the run must not care
            unreadable = "What was told of this step is unreadable"
            queued = QueuedStep("unnamed", unreadable, timestamp_ms, end=end, ref=ref, parent=parent)
        self._queue.put(queued)


def _thread(work: Callable[[], None], name: str) -> threading.Thread:
    # What is logged there belongs to this run, even if it is logged when the process does the next one already.
    return threading.Thread(target=copy_context().run, args=(work,), name=name, daemon=True)


def _name(name: str | None) -> str | None:
    """Return a name that fits; an empty one is none."""
    return shortened(name, limits.NAME_MAX_CHARACTERS) if name else None
