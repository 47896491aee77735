"""The agent Lambda: claims a run, runs its agent and writes the run's end.

The first step is sent before Strands is imported, because this import is most of a cold start's delay. The model and
its client, the event loop and the agents' modules are kept for warm invocations. The agent itself is built again for
each run, so that no run sees the conversation of another run.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from chalicelib.agents import registry
from chalicelib.agents.agent_answer import agent_answer, answer_body
from chalicelib.agents.agent_event import AgentEvent, agent_event
from chalicelib.agents.clean_up import clean_up
from chalicelib.agents.part_work import NotBegun, Parts, Work
from chalicelib.agents.run_context import RunContext
from chalicelib.agents.token_budget import TokenBudget
from chalicelib.agents.turn import begin_turn, forget_turn, name_attachments, saved_turn
from chalicelib.runtime import clients, logs, metrics
from chalicelib.runtime.announce import announcer
from chalicelib.runtime.config import AgentConfig, config_of_environment
from runcast import limits
from runcast.errors import AttachmentUnusable, InvalidInput, NotResumable, RunStopped, SnapshotUnusable, Unavailable
from runcast.record.assignment import Claim
from runcast.record.attachments import record_attachments
from runcast.record.handover import NEXT_PART, report_to_job
from runcast.record.model import Json, RunEnded, RunStatus
from runcast.record.objects import PrivateObjects
from runcast.record.recorder import Recorder
from runcast.redaction import clean
from runcast.runs.from_environment import Destination, recorder_for
from runcast.runs.outcome import RunOutcome, failure, overruled, part_failure, stopped_early
from runcast.runs.tracked import TrackedRun

if TYPE_CHECKING:
    from strands.models import Model

    from chalicelib.agents.registry import AnyAgent

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

# How long a computing agent may hold the interpreter while other threads wait to record and publish its steps. These
# threads need it several times for each request. With Python's default of 5 ms, a step takes about twice as long to be
# published.
_THREAD_SWITCH_SECONDS = 0.001


class LambdaContext(Protocol):
    """The part of the Lambda context that is used here."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> float:
        """Return the time until Lambda stops this invocation."""


def run_agent(event: Any, context: LambdaContext) -> Json:
    """Execute one run. Never raises: the answer reports every failure.

    Args:
        event: See `agent_event`.
        context: The Lambda context.

    Returns:
        `statusCode` (200; 400 invalid input; 409 already claimed; 500) and `body`, JSON text.
    """
    try:
        return _runner_of_environment().run(event, context)
    except InvalidInput as error:
        return agent_answer(400, {"success": False, "error": clean(str(error), "error")})
    except Exception:
        logger.exception("the run failed outside its agent")
        metrics.count_broken_run()
        return agent_answer(500, {"success": False, "error": "The run failed on our side; the log has the reason."})


@contextlib.contextmanager
def _quick_thread_switches() -> Iterator[None]:
    """Switch threads every `_THREAD_SWITCH_SECONDS` inside the block; restore the interval afterwards."""
    before_seconds = sys.getswitchinterval()
    sys.setswitchinterval(_THREAD_SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before_seconds)


class Runner:
    """Executes runs one after the other for the life of a process.

    Args:
        config: The Lambda's settings.
        destination: Where the runs are recorded and published.
        objects: The private objects of runs.
        budget: Counts tokens, and stops the runs that use too many.
        prepare_hand_over: Creates the client of `destination.hand_over`; called if DynamoDB does not answer a claim.
        monotonic: A monotonic clock in seconds, for the deadline.
    """

    def __init__(
        self,
        config: AgentConfig,
        destination: Destination,
        objects: PrivateObjects,
        budget: TokenBudget,
        *,
        prepare_hand_over: Callable[[], object] = lambda: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = config
        self._destination = destination._replace(spend=budget.spend)
        self._budget = budget
        self._objects = objects
        self._prepare_hand_over = prepare_hand_over
        self._parts = Parts(objects, max_run_hours=config.max_run_hours, monotonic=monotonic)
        self._monotonic = monotonic
        # All runs use one loop, because an agent's clients are bound to the loop in which they are first used.
        self._loop = asyncio.new_event_loop()
        self._model: Model | None = None

    @_quick_thread_switches()
    def run(self, event: Any, context: LambdaContext) -> Json:
        """Execute one run; see `run_agent`.

        Raises:
            InvalidInput: The event is invalid.
        """
        began_seconds, remaining_ms = self._monotonic(), context.get_remaining_time_in_millis()
        checked = agent_event(event, aws_request_id=context.aws_request_id)
        logs.about_run(checked.identity.request_id)
        logs.about_owner(checked.identity.owner)
        recorder = recorder_for(
            checked.identity,
            self._destination,
            agent=checked.request.agent,
            invocation_id=context.aws_request_id,
            remaining_ms=remaining_ms,
            awaited=checked.awaited,
            part=checked.part,
            monotonic=self._monotonic,
        )
        cold_start = self._model is None
        begins_alone = checked.part == 1 and checked.conversation_id is None
        claim = recorder.claim(wait_seconds=None if begins_alone else limits.PART_BEGIN_SECONDS)
        if claim is Claim.REFUSED:
            outcome = RunOutcome(RunStatus.ERROR, "", error=recorder.refusal)
            return agent_answer(409, answer_body(checked, recorder, outcome, cold_start=cold_start))

        if claim is Claim.UNANSWERED:  # so nothing was sent live, which would have created it
            with contextlib.suppress(Exception):
                self._prepare_hand_over()
        run = TrackedRun(recorder)
        seconds = remaining_ms / 1000
        # At least half of the worker's time is for the agent.
        hand_over_seconds = began_seconds + max(seconds / 2, seconds - self._config.handover_seconds)
        state = {"runcast": run, "request_state": {}, **checked.ids}
        work = Work(checked, run, began_seconds, hand_over_seconds, state)
        try:
            outcome = self._outcome(work, claim)
        except NotBegun as error:
            logger.warning("part %d of the run was not begun here: %s", checked.part, error)
            recorder.abandon()
            clean_up(work.agent)
            return agent_answer(500, answer_body(checked, recorder, failure(error), cold_start=cold_start))

        report = recorder.end(
            outcome.status,
            outcome.message,
            result=outcome.result,
            error=outcome.error,
            reason=outcome.reason,
            metadata=outcome.metadata,
            snapshot_key=work.snapshot_key,
        )
        clean_up(work.agent)
        saved_turn_key = work.snapshot_key if outcome.status is RunStatus.COMPLETE else None
        outcome = overruled(outcome, report.stop, report.stop_error)
        if saved_turn_key and outcome.status is not RunStatus.COMPLETE:
            forget_turn(self._objects, saved_turn_key)
        if outcome.status is RunStatus.IN_PROGRESS and not report.end_pending and self._destination.hand_over:
            self._destination.hand_over({NEXT_PART: recorder.request_id})
        degraded = claim is Claim.UNANSWERED or report.degraded
        metrics.count_run(
            checked.request.agent,
            outcome.status,
            report,
            elapsed_seconds=recorder.elapsed_seconds(),
            degraded=degraded,
        )
        body = answer_body(checked, recorder, outcome, cold_start=cold_start)
        if degraded and not checked.identity.job_id:
            body["degraded"] = True
        if report.end_pending:
            body["endPending"] = True
        return agent_answer(200 if body["success"] else 500, body)

    def _outcome(self, work: Work, claim: Claim) -> RunOutcome:
        """Build the agent and run it; save its state if it waits for an answer.

        Raises:
            NotBegun: This worker could not begin a later part.
        """
        run, recorder = work.run, work.run.recorder
        prompt: Any = None
        try:
            if work.event.part > 1:
                work.before = before = self._parts.before(work, claim)
                work.event, prompt = replace(work.event, request=before.request), before.prompt
            elif work.event.conversation_id and claim is not Claim.CLAIMED:
                raise SnapshotUnusable("The record could not be written, so the turn did not begin. Start it again.")
            work.agent = agent = self._build(work.event, recorder)
            files = work.event.request.attachments
            if work.before:
                work.before.restore(agent, run, work.state)
                if not recorder.await_first_step(limits.PART_BEGIN_SECONDS):
                    raise NotBegun("its first step was not stored in time")
            else:
                if recorder.assignment.conversation_id:
                    begin_turn(self._objects, agent, work.event.request.agent, recorder.assignment.turn_snapshot_key)
                record_attachments(recorder, files)
                prompt = work.event.prompt(self._objects)
            if recorder.assignment.conversation_id and (work.before is None or work.before.begins_with_files):
                name_attachments(agent, [each.file_name for each in files])
            self._run_to_its_end(self._parts.invoke(work, agent, prompt))
            if work.snapshot_key:
                return self._parts.handed_over(work)
            outcome = run.outcome or stopped_early("it gave no result")
        except NotBegun:
            raise
        except (AttachmentUnusable, NotResumable, RunStopped, SnapshotUnusable, Unavailable) as error:
            logger.warning("the run ends early: %s", error, exc_info=error.__cause__)
            return part_failure(error, recorder.stop)
        except BaseException as error:  # a tool may call sys.exit(), and the run must end anyway
            logger.exception("run %s failed", recorder.request_id)
            return failure(error, recorder.stop, said=run.said)
        if outcome.status is RunStatus.WAITING:
            return self._run_to_its_end(self._parts.saved(work, agent, outcome))
        if outcome.status is RunStatus.COMPLETE and recorder.assignment.conversation_id:
            return saved_turn(self._objects, work, agent, outcome)
        return outcome

    def close(self) -> None:
        """Close the event loop, and wait until the tokens are counted."""
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())  # Strands leaves a stream open after a question
        self._loop.close()
        self._budget.close()

    def _run_to_its_end(self, work: Coroutine[Any, Any, Result]) -> Result:
        task = self._loop.create_task(work)
        try:
            return self._loop.run_until_complete(task)
        except BaseException:
            # sys.exit() in a tool stops the loop. The rest of this run must not continue during the next run.
            if not task.done():  # awaiting a task that sys.exit() has ended would never return
                task.cancel()
                with contextlib.suppress(BaseException):
                    self._loop.run_until_complete(task)
            raise

    def _build(self, event: AgentEvent, recorder: Recorder) -> AnyAgent:
        if self._model is not None:
            recorder.record("warm", "Ready: the worker is warm")
            return self._build_agent(event, self._model, recorder)

        recorder.record("init", "Starting a worker")
        recorder.record("bedrock", "Connecting to the model", metadata={"modelId": self._config.bedrock_model_id})
        from chalicelib.agents.model import bedrock_model  # imports Strands, so only now

        model = bedrock_model(self._config)
        recorder.record("tools", "Loading the agent's tools")
        registry.load(event.request.agent)
        recorder.record("agent", "Building the agent")
        agent = self._build_agent(event, model, recorder)
        recorder.record("ready", "Ready", metadata={"tools": getattr(agent, "tool_names", [])})
        self._model = model
        return agent

    def _build_agent(self, event: AgentEvent, model: Model, recorder: Recorder) -> AnyAgent:
        from runcast import track  # imports Strands
        from runcast.agents.track import records_text

        request = event.request
        build = registry.load(request.agent)
        run = RunContext(
            query=request.query,
            parameters=request.parameters,
            model=model,
            conversation_id=recorder.assignment.conversation_id,
            continues=recorder.assignment.turn_snapshot_key is not None,
            **event.ids,
        )
        agent = track(build(run))
        return track(agent, live_text=records_text(agent))


@cache
def _runner_of_environment() -> Runner:
    config = config_of_environment(AgentConfig)
    hand_over = clients.end_handover(config.run_closer_function).send

    def on_end(ended: RunEnded) -> None:
        report_to_job(hand_over, ended)
        announcer(config.status_publisher_function).put_event(ended)

    store = clients.run_store(config.agent_progress_table, config.retention_hours, config.question_retention_hours)
    destination = Destination(
        store,
        clients.status_publisher(config.status_publisher_function).send,
        hand_over,
        on_end,
        config.model_prices,
    )
    # By the clock by which starts are admitted.
    budget = TokenBudget(config.limits, clients.owner_counts(config.agent_progress_table), now_ms=store.now_ms)
    objects = PrivateObjects(clients.s3, config.results_bucket)
    return Runner(config, destination, objects, budget, prepare_hand_over=clients.live_invoker)
