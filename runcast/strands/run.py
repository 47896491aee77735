"""The run that a tracked agent works for: found in what it was invoked with, opened, and ended.

The agent may be one of hundreds on an event loop, so nothing here waits on that loop's thread: the claim is answered
while the agent works, and the end is flushed on a thread of the run's own.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

from runcast import limits
from runcast.errors import InvalidInput
from runcast.record.assignment import Claim, StepRef, Stop
from runcast.record.identity import run_identity
from runcast.record.recorder import Recorder
from runcast.strands.destination import destination_of_environment
from runcast.strands.outcome import Outcome
from runcast.strands.stop import AgentStop
from runcast.text import shortened

logger = logging.getLogger(__name__)

_CLAIM_POLL_SECONDS = 0.01


class TrackedRun:
    """An open run.

    Args:
        recorder: Takes its steps.
        given: What the agent was invoked with to name the run.
        owned: Whether the run ends with the agent; otherwise whoever made the recorder has claimed it, and ends it.
        resumes: Whether the agent goes on with a run that waits for an answer. Its claim is refused, and it runs
            unrecorded.
        monotonic: Seconds.

    Attributes:
        stop: Stops the run's agents when the recorder says so.
        outcome: What the run's agent came to; None until it has ended.
        said: The last text of the model of the run's agent.
        parents_of_agents: The steps that started the agents which work for the run's agent.
    """

    def __init__(
        self,
        recorder: Recorder,
        given: object = None,
        *,
        owned: bool = False,
        resumes: bool = False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.recorder = recorder
        self.owned = owned
        self.stop = AgentStop()
        self.outcome: Outcome | None = None
        self.said: str | None = None
        self.parents_of_agents: set[StepRef | None] = set()
        self._given = given
        self._ended = False
        self._monotonic = monotonic
        self._held_since: float | None = None
        self._resumes = resumes
        recorder.when_stopped(self._stop_agents)

    def includes(self, given: object) -> bool:
        """Whether an agent that is invoked inside this run, with `given` to name its run, works for this one."""
        if self._ended:
            return False
        named = given is self or given is self._given or _request_id(given) == self.recorder.request_id
        return given is None or named

    async def may_call_tool(self) -> bool:
        """Return whether a tool may begin: not if the run has to stop, or its claim is refused.

        Waits until the claim is answered, but in the run's whole life at most `CLAIM_WAIT_SECONDS`: a run that was
        cancelled while it was queued, or whose event was delivered twice, must call no tool.
        """
        await self._hold()
        if self._is_refused() and not self.stop.reason:
            self.stop(Stop.ENDED)  # the recorder is just about to say so
        return not self.stop.reason

    def _is_refused(self) -> bool:
        return self.recorder.claimed is Claim.REFUSED and not self._resumes

    def _stop_agents(self, stop: Stop) -> None:
        # The stop of a refused claim comes before `claimed` says so.
        if not self._resumes or self.recorder.claimed is Claim.CLAIMED:
            self.stop(stop)

    async def _hold(self) -> None:
        if not self.owned:
            return
        while self.recorder.claimed is Claim.UNANSWERED:
            if self._held_since is None:
                self._held_since = self._monotonic()
            held_seconds = self._monotonic() - self._held_since
            self.recorder.has_waited(min(held_seconds, limits.CLAIM_WAIT_SECONDS))
            if held_seconds >= limits.CLAIM_WAIT_SECONDS:
                return
            await asyncio.sleep(_CLAIM_POLL_SECONDS)

    def end(self, outcome: Outcome) -> Future[Any] | None:
        """End the run, if it is owned and open; return what is done when the end is stored, or its time is over.

        The end is queued at once. If no thread can be started to wait for it, nothing is returned.
        """
        if self._ended:
            return None
        self.outcome = outcome
        if not self.owned:
            return None
        self._ended = True
        self.recorder.queue_end(
            outcome.status,
            outcome.message,
            result=outcome.result,
            error=outcome.error,
            metadata=outcome.metadata,
        )
        ending: Future[Any] = Future()
        ending.set_running_or_notify_cancel()  # who waits for it may be cancelled, the end may not
        try:
            # Not in a pool, which takes no more work once the main thread has ended.
            threading.Thread(target=self._await_end, args=(ending,), name="runcast-end", daemon=True).start()
        except RuntimeError as error:
            logger.warning("run %s: no thread can wait for its end: %s", self.recorder.request_id, error)
            return None
        return ending

    def _await_end(self, ending: Future[Any]) -> None:
        try:
            ending.set_result(self.recorder.await_end())
        except Exception as error:  # noqa: BLE001 - whoever waits gets it
            ending.set_exception(error)


def open_run(
    given: object,
    *,
    agent: str,
    resumes: bool = False,
    new_id: Callable[[], uuid.UUID] = uuid.uuid4,
) -> TrackedRun | None:
    """Return the run that an agent works for; None, with one warning per process, if no table is known.

    Args:
        given: A `TrackedRun` or a `Recorder`, whose run is then somebody else's to end; or a mapping that names the run
            (see `run_identity`; besides, `agent`, and `lambdaContext` in a Lambda); or None for a new run without an
            owner.
        agent: What runs, unless `given` says it.
        resumes: Whether the agent is given answers to its questions.
        new_id: Makes ids.

    Raises:
        InvalidInput: `given` does not fit.
    """
    if isinstance(given, TrackedRun):
        return given
    if isinstance(given, Recorder):
        return TrackedRun(given, given)
    if given is not None and not isinstance(given, Mapping):
        raise InvalidInput("invocation_state['runcast'] must be a mapping such as {'requestId': ...}, or a Recorder.")
    recorder = recorder_of(given or {}, agent=agent, new_id=new_id)
    if recorder is None:
        return None
    recorder.claim(wait_seconds=0)
    logger.info("run %s begins", recorder.request_id)
    return TrackedRun(recorder, given, owned=True, resumes=resumes)


def recorder_of(
    event: Mapping[str, Any],
    *,
    agent: str,
    new_id: Callable[[], uuid.UUID] = uuid.uuid4,
) -> Recorder | None:
    """Return the recorder of a run, which is not claimed yet; None, with one warning, where no table is known.

    Args:
        event: Names the run (see `run_identity`; besides, `agent`, and `lambdaContext` in a Lambda).
        agent: What runs, unless the event says it.
        new_id: Makes ids.

    Raises:
        InvalidInput: The event does not fit.
    """
    destination = destination_of_environment()
    if destination is None:
        return None
    context = event.get("lambdaContext")
    invocation_id = context.aws_request_id if context else str(new_id())
    identity = run_identity(event, request_id=invocation_id)
    return Recorder(
        destination.store,
        request_id=identity.request_id,
        owner=identity.owner,
        agent=shortened(event.get("agent") or agent, limits.NAME_MAX_CHARACTERS),
        worker=f"{invocation_id}/{new_id().hex}",
        job_id=identity.job_id,
        remaining_ms=context.get_remaining_time_in_millis() if context else None,
        awaited=event.get("awaited") is not False,
        hand_over=destination.hand_over,
        publish=destination.publish,
    )


def _request_id(given: object) -> str | None:
    """Return the id of the run that `given` names; None if it names none."""
    if isinstance(given, Recorder):
        return given.request_id
    if isinstance(given, TrackedRun):
        return given.recorder.request_id
    if not isinstance(given, Mapping):
        return None
    try:
        return run_identity(given, request_id="").request_id
    except InvalidInput:
        return None
