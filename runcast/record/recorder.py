"""Records the steps of one run without delaying the run.

`record()` only queues a step. A background thread (`writer`) makes the steps durable, and then another (`outbox`)
sends them live. The run itself waits only in `claim()` and `end()`, together for at most `ADDED_TIME_SECONDS`, even if
DynamoDB or the live channel is slow. An end that is not stored by then is not dropped: in a Lambda another worker
writes it (`handover`), and elsewhere the threads continue.
"""

from __future__ import annotations

import logging
import math
import random
import threading
import time
from collections.abc import Callable, Mapping
from contextvars import copy_context
from typing import Any

from runcast import limits
from runcast.errors import AppendRefused, RunGone, RunStopped, StoreUnavailable
from runcast.record.assignment import Assignment, Claim, Deadline, StepRef, Stop
from runcast.record.at_exit import forget_open_run, register_open_run
from runcast.record.end_watch import EndWatch
from runcast.record.ids import canonical_id
from runcast.record.intake import end_of, queued_end, queued_step
from runcast.record.journal import CallJournal
from runcast.record.message import delta_update
from runcast.record.model import EndReason, Json, Owner, RunEnded, RunStatus
from runcast.record.outbox import Outbox
from runcast.record.prices import ModelPrice
from runcast.record.report import RecordedSteps, RecordingReport
from runcast.record.step_queue import StepQueue
from runcast.record.stop_signal import StopSignal
from runcast.record.store import RunStore
from runcast.record.usage import Usage, total_tokens
from runcast.record.writer import Writer
from runcast.redaction import clean_text
from runcast.text import boundary

logger = logging.getLogger(__name__)

_EXITED = "The worker's process exited before the run had ended."


class Recorder:
    """Records one run for the one worker that claims it.

    Args:
        store: The table.
        request_id: The run.
        owner: The run's owner; an owner in an existing record takes precedence.
        agent: The agent that runs.
        worker: The claiming worker's id, unique to this invocation.
        job_id: The job that the run belongs to.
        created_at_ms: When a starter has put the run's record, epoch milliseconds. The claim is refused if that record
            was deleted. None if the claim may create the record.
        part: Which part of the run this worker does; more than 1 after an answer.
        answered: The ids of the questions of a waiting run for which this worker has the answers. It then continues
            the run, unless Runcast has saved the agent's state.
        loads_state: Whether this worker continues any part of the run, from the state that its record names.
        remaining_ms: Milliseconds until this worker is stopped; None if it has no deadline. The lease never exceeds
            the deadline. The run is ended as an error `DEADLINE_MARGIN_MS` before it, or a quarter of the time if less.
        awaited: Whether a caller waits for this worker's answer. If not, `end()` may take until the deadline.
        hand_over: Sends an end that could not be stored in time to `run_closer`, as its event. Returns whether the
            event was accepted; must not raise.
        send: Sends status messages and returns how many were accepted; must not raise.
        on_end: Called on another thread with the ended run, or with one that waits for an answer, after this worker
            has stored that and queued it for sending. The run waits for it no longer than for its record.
        model_prices: What tokens cost, by model id, for the cost in the last step.
        spend: Called with this recorder and the number of tokens after each model call. It must return at once and not
            raise. It may call `exceed_budget`.
        now_ms: Returns the time in epoch milliseconds; by default the store's clock, which is the server's.
        monotonic: Returns seconds, for the deadline and for the time that the run waits.
        jitter: Returns a number from 0 to 1, for the backoff.

    Attributes:
        assignment: The run and its worker; once the run is claimed, with the record's values.
        usage: The tokens used so far. `add_usage` counts and spends those of a model call.

    Raises:
        InvalidInput: The `request_id` is invalid.
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
        created_at_ms: int | None = None,
        part: int = 1,
        answered: frozenset[str] = frozenset(),
        loads_state: bool = False,
        remaining_ms: float | None = None,
        awaited: bool = True,
        hand_over: Callable[[Json], bool] | None = None,
        send: Callable[[list[Json]], int] | None = None,
        on_end: Callable[[RunEnded], None] | None = None,
        model_prices: Mapping[str, ModelPrice] | None = None,
        spend: Callable[[Recorder, int], None] | None = None,
        now_ms: Callable[[], int] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        request_id = canonical_id("requestId", request_id)
        agent = clean_text(agent, "name", limits.NAME_MAX_CHARACTERS)
        self._store = store
        self._now_ms = now_ms = now_ms or store.now_ms
        self._monotonic = monotonic
        self._waited_seconds = 0.0
        self._started = False
        self._awaited = awaited
        self.usage = Usage(model_prices or {})
        self._spend = spend
        deadline = None if remaining_ms is None else Deadline.after(remaining_ms, monotonic())
        self._queue = StepQueue()
        self.assignment = Assignment(
            request_id,
            owner,
            agent,
            job_id,
            worker,
            began_ms=now_ms(),
            created_at_ms=created_at_ms,
            deadline=deadline,
            part=part,
            answered=answered,
            loads_state=loads_state,
        )
        self._outbox = Outbox(send)
        self._stops = StopSignal(request_id)
        self._writer = Writer(
            store, self.assignment, self._queue, self._outbox, self._stops, on_end, now_ms=now_ms, monotonic=monotonic,
            jitter=jitter,
        )  # fmt: skip
        self._end_watch = EndWatch(self.assignment, self._queue, self._writer, hand_over, monotonic=monotonic)
        self._writing = _thread(self._write, f"recorder-{request_id}")
        self._sending = _thread(self._outbox.work, f"recorder-{request_id}-live")
        self._watching = _thread(self._end_watch.work, f"recorder-{request_id}-end") if deadline else None

    @property
    def request_id(self) -> str:
        """The run's id."""
        return self.assignment.request_id

    @property
    def owner(self) -> Owner:
        """The run's owner."""
        return self.assignment.owner

    @property
    def seconds_left(self) -> float:
        """How long until the run is ended because its worker's time is up; infinite without a deadline."""
        deadline = self.assignment.deadline
        return math.inf if deadline is None else deadline.time_up_seconds - self._monotonic()

    @property
    def stop(self) -> Stop | None:
        """Why the work should stop early; None if it should not."""
        return self._stops.stop

    def when_stopped(self, tell: Callable[[Stop], None]) -> None:
        """Call `tell` when the work should stop early, on any thread; at once if it should already have stopped.

        After a cancel request, `tell` stops the work and calls `end(CANCELLED)`; after a used up budget, `end(ERROR)`.
        It may be called once more, if time runs out or another worker ends the run. It must return at once.
        """
        self._stops.listen(tell)

    @property
    def claimed(self) -> Claim:
        """The current state of the claim."""
        return self._writer.claiming.state

    @property
    def refusal(self) -> str | None:
        """Why the claim was refused, for the caller; None if it was not."""
        return self._writer.claiming.refusal

    def has_waited(self, seconds: float) -> None:
        """Set how long the run has waited for its claim. `end()` waits less by this time."""
        self._waited_seconds = seconds

    def claim(self, *, wait_seconds: float | None = None) -> Claim:
        """Claim the run.

        Args:
            wait_seconds: How long to wait for the answer, if the work cannot begin without it; by default
                `CLAIM_WAIT_SECONDS`.

        Returns:
            `UNANSWERED` if DynamoDB has not answered yet: the run may start, and the recorder keeps trying to claim it.
        """
        began = self._monotonic()
        self._start()
        self._writer.claiming.known.wait(limits.CLAIM_WAIT_SECONDS if wait_seconds is None else wait_seconds)
        if wait_seconds is None:  # some work needs its claim to begin, so that wait is not for the record alone
            self._waited_seconds = self._monotonic() - began
        return self._writer.claiming.state

    def journal(self) -> CallJournal:
        """Return the journal of tool calls."""
        return self._store.journal()

    def lose(self) -> None:
        """Stop the work, because another worker has the run."""
        self._stops.tell(Stop.ENDED)

    def name_snapshot(self, key: str) -> None:
        """Name the object with the latest state of the run's agent in the record. Idempotent.

        Raises:
            RunStopped: This worker does not have the run any more, or it has ended. The work is stopped.
            StoreUnavailable: DynamoDB did not answer, or not yet to the claim. A retry is safe.
        """
        if self.claimed is Claim.UNANSWERED:
            raise StoreUnavailable("The claim of the run is not confirmed yet.")
        try:
            self._store.name_snapshot(self.request_id, worker=self.assignment.worker, snapshot_key=key)
        except (AppendRefused, RunGone) as error:
            logger.warning("run %s: %s", self.request_id, error)
            self.lose()
            raise RunStopped from error

    def await_first_step(self, wait_seconds: float) -> bool:
        """Return whether this worker has stored a step; wait for it."""
        return self._writer.has_recorded.wait(wait_seconds)

    def abandon(self) -> None:
        """Stop recording without an end. Nothing of this part may have run: another worker may take it."""
        self._stops.expect_end()
        self._writer.give_up()

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
        lingers: bool = False,
    ) -> StepRef:
        """Queue one step. Never raises, never waits; ignored once the run has ended.

        Args:
            step: The step's name.
            message: Text for people; shortened if it exceeds `MESSAGE_MAX_CHARACTERS`.
            agent_name: The step's agent; by default the run's agent.
            tool_name: The tool that is called.
            status: The step's name on the live channel; by default the step's own name.
            metadata: JSON, at most `METADATA_MAX_BYTES`.
            parent: The step that started this one; its number becomes `parentSeq` in the metadata.
            lingers: Whether to write the step together with the next one, if that comes within `LINGER_MS`.

        Returns:
            A reference to this step, to pass as the `parent` of a later one.
        """
        ref = StepRef()
        if not self._stops.end_expected:
            queued = queued_step(
                self._now_ms, step, message, agent_name=agent_name, tool_name=tool_name, status=status,
                metadata=metadata, ref=ref, parent=parent, lingers=lingers,
            )  # fmt: skip
            self._queue.put(queued)
        return ref

    def show_text(self, text: str, *, offset: int, agent_name: str | None, parent: StepRef | None) -> None:
        """Show an agent's text live before it is a step. Never raises, never waits; dropped if the channel is busy.

        Args:
            text: The text from `offset` on; cut at `MESSAGE_MAX_CHARACTERS`.
            offset: How much text of this agent came before, in UTF-16 code units.
            agent_name: The agent; by default the run's agent.
            parent: The step with which the agent began, if another one uses it.
        """
        run = self.assignment
        if self.claimed is not Claim.CLAIMED or self._stops.end_expected or (parent and parent.seq is None):
            return
        update = delta_update(
            run.owner,
            text[: boundary(text, limits.MESSAGE_MAX_CHARACTERS)],
            offset=offset,
            parent_seq=parent.seq if parent else None,
            timestamp_ms=self._now_ms(),
            request_id=run.request_id,
            job_id=run.job_id,
            agent=agent_name or run.agent,
        )
        self._outbox.put_delta(update)

    def add_usage(self, usage: Mapping[str, Any], model_id: str | None = None) -> None:
        """Add the tokens of a model call; the last step carries the sums, the models and their cost.

        Args:
            usage: Tokens by kind, as Strands counts them: `inputTokens`, `outputTokens`, `totalTokens`, ...
            model_id: The model, if known.
        """
        self.usage.add(usage, model_id)
        if self._spend:
            self._spend(self, total_tokens(usage))

    def exceed_budget(self) -> None:
        """Stop the work, because a budget of tokens is used up. Thread-safe."""
        self._stops.tell(Stop.BUDGET)

    def end(
        self,
        status: RunStatus,
        message: str,
        *,
        result: Any = None,
        error: str | None = None,
        reason: EndReason | None = None,
        metadata: Mapping[str, Any] | None = None,
        snapshot_key: str | None = None,
    ) -> RecordingReport:
        """Record the last step (or the pause, for `waiting`), and wait for it: `queue_end()`, then `await_end()`."""
        self.queue_end(
            status, message, result=result, error=error, reason=reason, metadata=metadata, snapshot_key=snapshot_key
        )
        return self.await_end()

    def queue_end(
        self,
        status: RunStatus,
        message: str,
        *,
        result: Any = None,
        error: str | None = None,
        reason: EndReason | None = None,
        metadata: Mapping[str, Any] | None = None,
        snapshot_key: str | None = None,
    ) -> None:
        """Queue the last step, or the pause. Never raises, never waits; the first end wins.

        Args:
            status: The run's final status; `waiting` of a pause; `in_progress` of a hand-over to the next part.
            message: The last step's message.
            result: The run's result; shortened if it exceeds `RESULT_MAX_BYTES`.
            error: Why the run failed, for people; shortened if it exceeds `ERROR_MAX_CHARACTERS`.
            reason: Why the run ended, for code. By default the reason of an end that the agent brought about itself.
            metadata: The last step's metadata.
            snapshot_key: Names the object with the agent's state: of a pause or a hand-over that from which the run
                continues, of an end that from which its conversation continues.
        """
        self._stops.expect_end()
        end = end_of(status, result=result, error=error, reason=reason, snapshot_key=snapshot_key)
        last = queued_end(self._now_ms, end, message, metadata=metadata, usage=self.usage.metadata())
        if self._awaited or not self._watching:
            self._end_watch.bring_forward(limits.ADDED_TIME_SECONDS - self._waited_seconds)
        self._queue.put(last)

    def await_end(self) -> RecordingReport:
        """Wait until the end is stored and sent, and return a report.

        Waits for the rest of `ADDED_TIME_SECONDS`. If no caller waits for this worker or its time is up, waits until
        shortly before the deadline. The report marks an end that is not stored by then as pending.
        """
        writer, watch = self._writer, self._end_watch
        writer.settled.wait(watch.seconds_left)
        if not self._started or (self._watching and not writer.settled.is_set()):
            watch.hand_over()  # on a busy machine the watching thread may not have run in time
        if not watch.handed_over and self._sending.is_alive():
            self._sending.join(watch.seconds_left)
        if self._watching:
            self._outbox.give_up()
        pending = not writer.end_stored and self.stop is not Stop.ENDED and (self._started or watch.handed_over)
        if pending:
            writer.drain()
        report = RecordingReport(
            writer.seq, writer.unrecorded, self._outbox.unsent, self.stop, self._stop_error(), end_pending=pending
        )
        if report.unrecorded or report.unsent:
            logger.warning("run %s is not recorded or sent completely: %s", self.assignment.request_id, report)
        return report

    def _stop_error(self) -> str | None:
        last = self._queue.end
        return last.end.error if last and last.end and self.stop is Stop.TIME_UP else None

    def end_at_exit(self) -> None:
        """End the run as an error if it is still open when the process exits."""
        if not self._stops.end_expected:
            self.queue_end(RunStatus.ERROR, _EXITED, error=_EXITED, reason=EndReason.PROCESS_EXITED)

    def await_settled(self, seconds: float) -> None:
        """Wait until nothing is left to write, but at most this long."""
        self._writer.settled.wait(seconds)

    def progress(self) -> RecordedSteps:
        """Return the steps recorded so far: the last `ANSWER_MAX_STEPS` of at most `ANSWER_MAX_BYTES`."""
        return RecordedSteps.last_of(list(self._writer.recorded), seq=self._writer.seq)

    def elapsed_seconds(self) -> float:
        """Return the seconds since the run began: since its record was created, if that time is known."""
        return self.assignment.seconds_since_began(self._now_ms())

    def _start(self) -> None:
        """Start all threads or none: a claimed run that cannot be ended would look alive forever."""
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
    # The thread's log lines belong to this run, even if the process already executes the next run.
    return threading.Thread(target=copy_context().run, args=(work,), name=name, daemon=True)
