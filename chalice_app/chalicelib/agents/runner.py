"""The agent Lambda: claims a run, runs its agent and writes the run's end.

The first step is sent before Strands is imported, because this import is most of a cold start's delay. The model and
its client, the event loop and the agents' modules are kept for warm invocations. The agent itself is built again for
each run, so that no run sees another's conversation.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from functools import cache
from threading import Thread
from typing import TYPE_CHECKING, Any, Protocol

from chalicelib.agents import registry
from chalicelib.agents.agent_event import AgentEvent, agent_event
from chalicelib.agents.run_context import RunContext
from chalicelib.runtime import clients, logs, metrics
from chalicelib.runtime.announce import announcer
from chalicelib.runtime.config import AgentConfig, config_of_environment
from runcast.errors import InvalidInput, RunStopped
from runcast.json_text import json_text, metadata_json, result_json
from runcast.record.assignment import Claim
from runcast.record.model import Json, RunStatus
from runcast.record.recorder import Recorder
from runcast.redaction import clean, clean_json
from runcast.runs.from_environment import Destination, recorder_for
from runcast.runs.outcome import RunOutcome, failure, overruled, stopped_early
from runcast.runs.tracked import TrackedRun

if TYPE_CHECKING:
    from strands.models import Model

    from chalicelib.agents.registry import AnyAgent

logger = logging.getLogger(__name__)

# How long a computing agent may hold the interpreter while the threads that record and publish its steps wait. They
# need it several times for each request. With Python's default of 5 ms, a step takes about twice as long to go live.
_THREAD_SWITCH_SECONDS = 0.001
_CLEAN_UP_SECONDS = 2.0


class LambdaContext(Protocol):
    """The used part of the Lambda context."""

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
        return _answer(400, {"success": False, "error": clean(str(error), "error")})
    except Exception:
        logger.exception("the run failed outside its agent")
        metrics.count_broken_run()
        return _answer(500, {"success": False, "error": "The run failed on our side; the log has the reason."})


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
        monotonic: A monotonic clock in seconds, for the deadline.
    """

    def __init__(
        self,
        config: AgentConfig,
        destination: Destination,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = config
        self._destination = destination
        self._monotonic = monotonic
        # All runs use one loop, because clients that an agent keeps are bound to the loop of their first use.
        self._loop = asyncio.new_event_loop()
        self._model: Model | None = None

    @_quick_thread_switches()
    def run(self, event: Any, context: LambdaContext) -> Json:
        """Execute one run; see `run_agent`.

        Raises:
            InvalidInput: The event is invalid.
        """
        checked = agent_event(event, aws_request_id=context.aws_request_id)
        logs.about_run(checked.identity.request_id)
        recorder = recorder_for(
            checked.identity,
            self._destination,
            agent=checked.request.agent,
            invocation_id=context.aws_request_id,
            remaining_ms=context.get_remaining_time_in_millis(),
            awaited=checked.awaited,
            monotonic=self._monotonic,
        )
        cold_start = self._model is None
        claim = recorder.claim()
        if claim is Claim.REFUSED:
            outcome = RunOutcome(RunStatus.ERROR, "", error=recorder.refusal)
            return _answer(409, _body(checked, recorder, outcome, cold_start=cold_start))

        run = TrackedRun(recorder)
        agent: AnyAgent | None = None
        try:
            agent = self._build(checked, recorder)
            state = {"runcast": run, **_ids(checked)}
            self._run_to_its_end(agent.invoke_async(checked.request.query, invocation_state=state))
            outcome = run.outcome or stopped_early("it gave no result")
        except RunStopped as stopped:
            outcome = failure(stopped, recorder.stop)
        except BaseException as error:  # a tool may call sys.exit(), and the run must end anyway
            logger.exception("run %s failed", checked.identity.request_id)
            outcome = failure(error, recorder.stop, said=run.said)

        report = recorder.end(
            outcome.status,
            outcome.message,
            result=outcome.result,
            error=outcome.error,
            reason=outcome.reason,
            metadata=outcome.metadata,
        )
        if agent is not None:
            _clean_up(agent)
        outcome = overruled(outcome, report.stop)
        degraded = claim is Claim.UNANSWERED or report.degraded
        metrics.count_run(
            checked.request.agent,
            outcome.status,
            report,
            elapsed_seconds=recorder.elapsed_seconds(),
            degraded=degraded,
        )
        body = _body(checked, recorder, outcome, cold_start=cold_start)
        if degraded and not checked.identity.job_id:
            body["degraded"] = True
        if report.end_pending:
            body["endPending"] = True
        return _answer(200 if body["success"] else 500, body)

    def close(self) -> None:
        """Close the event loop."""
        self._loop.close()

    def _run_to_its_end(self, work: Coroutine[Any, Any, Any]) -> None:
        task = self._loop.create_task(work)
        try:
            self._loop.run_until_complete(task)
        except BaseException:
            # sys.exit() in a tool stops the loop. The rest of this run must not continue in the next one.
            task.cancel()
            with contextlib.suppress(BaseException):
                self._loop.run_until_complete(task)
            raise

    def _build(self, event: AgentEvent, recorder: Recorder) -> AnyAgent:
        if self._model is not None:
            recorder.record("warm", "Ready: the worker is warm")
            return self._build_agent(event, self._model)

        recorder.record("init", "Starting a worker")
        recorder.record("bedrock", "Connecting to the model", metadata={"modelId": self._config.bedrock_model_id})
        from chalicelib.agents.model import bedrock_model  # imports Strands, so only now

        model = bedrock_model(self._config)
        recorder.record("tools", "Loading the agent's tools")
        registry.load(event.request.agent)
        recorder.record("agent", "Building the agent")
        agent = self._build_agent(event, model)
        recorder.record("ready", "Ready", metadata={"tools": getattr(agent, "tool_names", [])})
        self._model = model
        return agent

    def _build_agent(self, event: AgentEvent, model: Model) -> AnyAgent:
        from runcast import track  # imports Strands
        from runcast.agents.track import records_text

        request = event.request
        build = registry.load(request.agent)
        run = RunContext(query=request.query, parameters=request.parameters, model=model, **_ids(event))
        agent = track(build(run))
        return track(agent, live_text=records_text(agent))


@cache
def _runner_of_environment() -> Runner:
    config = config_of_environment(AgentConfig)
    destination = Destination(
        clients.run_store(config.agent_progress_table, config.retention_hours),
        clients.status_publisher(config.status_publisher_function).send,
        clients.end_handover(config.run_closer_function).send,
        lambda ended: announcer(config.status_publisher_function).put_event(ended),
        config.model_prices,
    )
    return Runner(config, destination)


def _ids(event: AgentEvent) -> dict[str, Any]:
    """Return the ids that `build(run)` gets, and that tools find in `invocation_state`."""
    identity = event.identity
    return {
        "request_id": identity.request_id,
        "user_id": identity.owner.user_id,
        "tenant_id": identity.owner.tenant_id,
        "job_id": identity.job_id,
    }


def _clean_up(agent: AnyAgent) -> None:
    """Release the agent's resources, such as MCP servers, which would outlive the run in a warm process.

    This happens on a thread with a short timeout: a server that does not stop must not delay the answer.
    """
    from runcast.agents.parts import clean_up  # imports Strands

    thread = Thread(target=clean_up, args=(agent,), name="runcast-clean-up", daemon=True)
    try:
        thread.start()
    except RuntimeError as error:  # the process has no more threads; the run has ended, and its answer must go out
        logger.warning("the agent's servers are left running: %s", error)
    else:
        thread.join(_CLEAN_UP_SECONDS)


def _body(event: AgentEvent, recorder: Recorder, outcome: RunOutcome, *, cold_start: bool) -> Json:
    body: Json = {
        "success": outcome.error is None,
        "requestId": event.identity.request_id,
        "agent": event.request.agent,
        "coldStart": cold_start,
        "elapsed": recorder.elapsed_seconds(),
    }
    if outcome.error is not None:
        body["error"] = clean(outcome.error, "error")
    if event.identity.job_id:
        return body  # a job's runs hand their output on by reference, through the record
    text = result_json(outcome.result)
    body["result"] = None if text is None else clean_json(json.loads(text), "result")
    waiting = outcome.status is RunStatus.WAITING
    told = json.loads(metadata_json(outcome.metadata, questions=waiting) or "{}")
    body |= clean_json(told, "metadata")  # as the record has it
    progress = recorder.progress()
    body["progress"] = progress.steps
    if progress.cut:
        body["progressCut"] = True
    return body


def _answer(status_code: int, body: Mapping[str, Any]) -> Json:
    return {"statusCode": status_code, "body": json_text(dict(body))}
