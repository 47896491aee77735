"""The recorder: takes the steps of one run without the run ever waiting for their record.

`record()` only queues; a background thread (`writer`) makes the steps durable, and from there another (`outbox`) takes
them live. The run itself waits in two places only, `claim()` and `end()`, together for at most `ADDED_TIME_SECONDS`,
whatever DynamoDB and the live channel do meanwhile. An end that is not stored by then is not dropped: in a Lambda
another worker writes it (`handover`), and elsewhere the threads go on.
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
from typing import Any, NamedTuple

from runcast import limits
from runcast.json_text import json_bytes, metadata_json, result_json
from runcast.record.assignment import Assignment, Claim, Deadline, QueuedStep, StepRef, Stop
from runcast.record.at_exit import forget_open_run, register_open_run
from runcast.record.end_watch import EndWatch
from runcast.record.ids import canonical_id
from runcast.record.model import EndedRun, Json, Owner, RunStatus
from runcast.record.outbox import Outbox
from runcast.record.step_queue import StepQueue
from runcast.record.stop_signal import StopSignal
from runcast.record.store import End, RunStore
from runcast.record.writer import Writer
from runcast.text import shortened

logger = logging.getLogger(__name__)

_EXITED = "The worker's process exited before the run had ended."


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
        end_pending: The end is not known to be stored yet: another worker was asked to write it, or this one goes on.
    """

    recorded: int
    unrecorded: int
    unpublished: int
    stop: Stop | None = None
    end_pending: bool = False

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
        remaining_ms: How long until this worker is stopped, if it will be. The lease never goes past that, and
            `DEADLINE_MARGIN_MS` before it (or a quarter of the time, if that is less) the run is ended as an error.
        awaited: Whether somebody waits for this worker's answer. If nobody does, `end()` may take until the deadline.
        hand_over: Hands an end that could not be stored in time to `run_closer`, as its event, and returns whether it
            was taken; must not raise.
        publish: Sends status messages and returns how many were handed over; must not raise.
        on_stop: Told, on another thread, that the work should stop before its end: asked to cancel it stops it and
            calls `end(CANCELLED)`. It may be told once more, when time is up meanwhile or another has ended the run. It
            must return at once.
        on_end: Told, on another thread, what the run has come to, once its end is stored by this worker and sent; the
            run waits for it only as for its record.
        now_ms: The time, epoch milliseconds; by default the store's, which is the server's.
        monotonic: Seconds, for the deadline and for the time that the run waits.
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
        remaining_ms: float | None = None,
        awaited: bool = True,
        hand_over: Callable[[Json], bool] | None = None,
        publish: Callable[[list[Json]], int] | None = None,
        on_stop: Callable[[Stop], None] | None = None,
        on_end: Callable[[EndedRun], None] | None = None,
        now_ms: Callable[[], int] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        request_id = canonical_id("requestId", request_id)
        self._now_ms = now_ms = now_ms or store.now_ms
        self._monotonic = monotonic
        self._waited_seconds = 0.0
        self._started = False
        self._awaited = awaited
        self._usage: Counter[str] = Counter()
        self._usage_lock = threading.Lock()
        deadline = None if remaining_ms is None else Deadline.after(remaining_ms, monotonic())
        self._queue = StepQueue()
        self._run = Assignment(request_id, owner, agent, job_id, worker, began_ms=now_ms(), deadline=deadline)
        self._outbox = Outbox(publish)
        self._stops = StopSignal(request_id)
        self._writer = Writer(
            store, self._run, self._queue, self._outbox, self._stops, on_end, now_ms=now_ms, monotonic=monotonic,
            jitter=jitter,
        )  # fmt: skip
        self._end_watch = EndWatch(self._run, self._queue, self._writer, hand_over, monotonic=monotonic)
        if on_stop is not None:
            self._stops.listen(on_stop)
        self._writing = _thread(self._write, f"recorder-{request_id}")
        self._sending = _thread(self._outbox.work, f"recorder-{request_id}-live")
        self._watching = _thread(self._end_watch.work, f"recorder-{request_id}-end") if deadline else None

    @property
    def request_id(self) -> str:
        """Which run this is."""
        return self._run.request_id

    @property
    def stop(self) -> Stop | None:
        """Why the work should stop before its end, if it should."""
        return self._stops.stop

    def when_stopped(self, tell: Callable[[Stop], None]) -> None:
        """Let one more be told what `on_stop` is told; at once, if the work should have stopped already."""
        self._stops.listen(tell)

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
        self._start()
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
        if not self._stops.end_expected:
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
        """Record the last step (or the pause, for `waiting`), and wait for it: `queue_end()`, then `await_end()`."""
        self.queue_end(status, message, result=result, error=error, metadata=metadata)
        return self.await_end()

    def queue_end(
        self,
        status: RunStatus,
        message: str,
        *,
        result: Any = None,
        error: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Queue the last step, or the pause. Never raises, never waits; the first end wins.

        Args:
            status: What the run came to.
            message: Of the last step.
            result: What came out; over `RESULT_MAX_BYTES` it is shortened.
            error: Why it failed; over `ERROR_MAX_CHARACTERS` it is shortened.
            metadata: Of the last step.
        """
        self._stops.expect_end()
        end = End(status, result_json(result), None if error is None else shortened(error, limits.ERROR_MAX_CHARACTERS))
        live = {RunStatus.COMPLETE: "agent_complete", RunStatus.ERROR: "agent_error"}.get(status)
        if self._usage:
            usage = {"usage": dict(self._usage)}
            try:
                metadata = {**(metadata or {}), **usage}
            except Exception:  # noqa: BLE001 - an agent's mapping may raise anything, or be no mapping
                metadata = usage
        if self._awaited or not self._run.deadline:
            self._end_watch.bring_forward(limits.ADDED_TIME_SECONDS - self._waited_seconds)
        self._enqueue(status.value, message, None, None, live, metadata, end)

    def await_end(self) -> Report:
        """Wait until the end is stored and sent, and return what was kept.

        Waits for what is left of `ADDED_TIME_SECONDS`, or until shortly before the deadline if nobody waits for this
        worker or its time is up. An end that is not stored by then is pending, and the report says so.
        """
        writer, watch = self._writer, self._end_watch
        writer.settled.wait(watch.seconds_left)
        if not self._started:
            watch.hand_over()
        if not watch.handed_over and self._sending.is_alive():
            self._sending.join(watch.seconds_left)
        if self._run.deadline:
            self._outbox.give_up()
        pending = not writer.end_stored and self.stop is not Stop.ENDED and (self._started or watch.handed_over)
        if pending:
            writer.drain()
        report = Report(writer.seq, writer.unrecorded, self._outbox.unpublished, self.stop, pending)
        if report.unrecorded or report.unpublished:
            logger.warning("run %s is not recorded or sent completely: %s", self._run.request_id, report)
        return report

    def end_at_exit(self) -> None:
        """End the run as an error, if its work has not ended it: the process exits."""
        if not self._stops.end_expected:
            self.queue_end(RunStatus.ERROR, _EXITED, error=_EXITED)

    def await_settled(self, seconds: float) -> None:
        """Wait until nothing is left to write, at most this long."""
        self._writer.settled.wait(seconds)

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

    def _start(self) -> None:
        """Start all threads or none: a run that is claimed and cannot be ended would look alive for ever."""
        register_open_run(self)
        try:
            self._sending.start()
            if self._watching:
                self._watching.start()
            self._writing.start()
        except RuntimeError as error:
            logger.error("run %s is not recorded: %s. Let the process have more threads.", self.request_id, error)
            self._writer.abandon()
            forget_open_run(self)
        else:
            self._started = True

    def _write(self) -> None:
        try:
            self._writer.work()
        finally:
            forget_open_run(self)


def _thread(work: Callable[[], None], name: str) -> threading.Thread:
    # What is logged there belongs to this run, even if it is logged when the process does the next one already.
    return threading.Thread(target=copy_context().run, args=(work,), name=name, daemon=True)


def _name(name: str | None) -> str | None:
    """Return a name that fits; an empty one is none."""
    return shortened(name, limits.NAME_MAX_CHARACTERS) if name else None
