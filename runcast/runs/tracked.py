"""Finds, opens and ends the run that a tracked agent works for.

The agent may share an event loop with hundreds of others, so nothing here blocks that loop's thread. The claim is
answered while the agent works, and a dedicated thread waits for the end to be stored.
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
from runcast.record.model import RunStatus
from runcast.record.recorder import Recorder
from runcast.runs.from_environment import recorder_of
from runcast.runs.outcome import RunOutcome, asked_in_part
from runcast.runs.stop import AgentStop

logger = logging.getLogger(__name__)

_CLAIM_POLL_SECONDS = 0.01


class TrackedRun:
    """An open run.

    Args:
        recorder: Records its steps.
        given: The value that named the run when the agent was invoked.
        owned: Whether the run ends with the agent. Otherwise the creator of the recorder claims and ends it.
        resumes: Whether the agent receives answers to its questions. If its claim is refused, it runs unrecorded,
            unless the starter has handed a later part to this worker.
        monotonic: A monotonic clock, seconds.

    Attributes:
        stop: Stops the run's agents when the recorder asks for it.
        outcome: The outcome of the run's agent; None until it has ended.
        said: The model's last text in the run's agent.
        text_offset: The length of the run's agent's text so far, in UTF-16 code units.
        turns: How many turns the run's agent has completed, if it is checkpointing.
        agent_usage: The tokens that it has used itself, as Strands counts them for its `limits`.
        parents_of_agents: The steps that started the agents that work for the run's agent.
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
        self.stop = AgentStop(recorder.assignment.running_tools)
        self.outcome: RunOutcome | None = None
        self.said: str | None = None
        self.text_offset = 0
        self.turns = 0
        self.agent_usage: Mapping[str, int] = {}
        self.parents_of_agents: set[StepRef | None] = set()
        self._given = given
        self._ended = False
        self._monotonic = monotonic
        self._held_since: float | None = None
        self._is_later_part = owned and recorder.assignment.part > 1
        self._resumes = resumes and not self._is_later_part
        recorder.when_stopped(self._stop_agents)

    def includes(self, given: object) -> bool:
        """Whether an agent invoked inside this run, with `given` as the name of its run, works for this run."""
        if self._ended:
            return False
        named = given is self or given is self._given or _request_id(given) == self.recorder.request_id
        return given is None or named

    async def may_call_tool(self) -> bool:
        """Return whether a tool may begin: False if the run has to stop or its claim is refused.

        Waits until the claim is answered, at most `CLAIM_WAIT_SECONDS` in total per run. A run that was cancelled
        while queued, or whose event was delivered twice, must not call any tool.

        A later part needs its record: it calls a tool only after its first step is stored, because until then the part
        may be given to another worker. If that takes more than `PART_BEGIN_SECONDS`, the part is left to that one.
        """
        await self._hold()
        if self._awaits_first_step():
            self.recorder.abandon()
            self.stop(Stop.ENDED)
        if self._is_refused() and not self.stop.reason:
            self.stop(Stop.ENDED)  # the recorder is about to send the same stop
        return not self.stop.reason

    def _is_refused(self) -> bool:
        return self.recorder.claimed is Claim.REFUSED and not self._resumes

    def _stop_agents(self, stop: Stop) -> None:
        # When a claim is refused, the stop arrives before `claimed` changes.
        if not self._resumes or self.recorder.claimed is Claim.CLAIMED:
            self.stop(stop)

    async def _hold(self) -> None:
        if not self.owned:
            return
        wait_seconds = limits.PART_BEGIN_SECONDS if self._is_later_part else limits.CLAIM_WAIT_SECONDS
        while self.recorder.claimed is Claim.UNANSWERED or self._awaits_first_step():
            if self._held_since is None:
                self._held_since = self._monotonic()
            held_seconds = self._monotonic() - self._held_since
            self.recorder.has_waited(min(held_seconds, limits.CLAIM_WAIT_SECONDS))
            if held_seconds >= wait_seconds:
                return
            await asyncio.sleep(_CLAIM_POLL_SECONDS)

    def _awaits_first_step(self) -> bool:
        """Whether a later part, which a starter has handed to this worker, has no step of this worker yet."""
        if not self._is_later_part or self.stop.reason or self.recorder.claimed is Claim.REFUSED:
            return False
        return not self.recorder.await_first_step(0)

    def end(self, outcome: RunOutcome) -> Future[Any] | None:
        """End the run if it is owned and open; return a future that is done once the end is stored or timed out.

        The end is queued at once. Returns None if no thread can be started to wait for it.
        """
        if self._ended:
            return None
        self.outcome = outcome
        if not self.owned:
            return None
        self._ended = True
        if outcome.status is RunStatus.WAITING:
            outcome = asked_in_part(outcome, self.recorder.assignment.part)
        self.recorder.queue_end(
            outcome.status,
            outcome.message,
            result=outcome.result,
            error=outcome.error,
            reason=outcome.reason,
            metadata=outcome.metadata,
        )
        ending: Future[Any] = Future()
        ending.set_running_or_notify_cancel()  # cancelling the waiting task must not cancel the end
        try:
            # Not in a pool: a pool accepts no work after the main thread has ended.
            threading.Thread(target=self._await_end, args=(ending,), name="runcast-end", daemon=True).start()
        except RuntimeError as error:
            logger.warning("run %s: no thread can wait for its end: %s", self.recorder.request_id, error)
            return None
        return ending

    def _await_end(self, ending: Future[Any]) -> None:
        try:
            ending.set_result(self.recorder.await_end())
        except Exception as error:  # noqa: BLE001 - the future passes it to the waiting task
            ending.set_exception(error)


def open_run(
    given: object,
    *,
    agent: str,
    resumes: bool = False,
    answered: frozenset[str] = frozenset(),
    new_id: Callable[[], uuid.UUID] = uuid.uuid4,
) -> TrackedRun | None:
    """Return the run that an agent works for; None, with one warning per process, if no table is configured.

    Args:
        given: A `TrackedRun` or a `Recorder`, whose run another caller ends; a mapping that names the run; or None for
            a new run without an owner. The mapping has the fields of `run_identity`, and may have `agent` and, in a
            Lambda, `lambdaContext`.
        agent: The agent's name, unless `given` has one.
        resumes: Whether the agent continues earlier work.
        answered: The ids of the run's questions for which the agent receives the answers.
        new_id: Generates ids.

    Raises:
        InvalidInput: `given` is invalid.
    """
    if isinstance(given, TrackedRun):
        return given
    if isinstance(given, Recorder):
        return TrackedRun(given, given)
    if given is not None and not isinstance(given, Mapping):
        raise InvalidInput("invocation_state['runcast'] must be a mapping such as {'requestId': ...}, or a Recorder.")
    recorder = recorder_of(given or {}, agent=agent, answered=answered, new_id=new_id)
    if recorder is None:
        return None
    recorder.claim(wait_seconds=0)
    logger.info("run %s begins", recorder.request_id)
    return TrackedRun(recorder, given, owned=True, resumes=resumes)


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
