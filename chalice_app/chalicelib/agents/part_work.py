"""A worker's share of a run: it may continue from an earlier part, and hand the run over to a next one."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from chalicelib.agents.agent_event import AgentEvent
from chalicelib.agents.next_part import NextPart, read_next_part, save_for_next_part
from runcast.errors import NotResumable, Unavailable
from runcast.record.assignment import Claim
from runcast.record.model import EndReason
from runcast.record.objects import PrivateObjects
from runcast.runs.outcome import RunOutcome, asked_in_part, failed, handed_over, part_failure, worked_too_long
from runcast.runs.tracked import TrackedRun

if TYPE_CHECKING:
    from chalicelib.agents.registry import AnyAgent
    from runcast.agents.checkpoints import Boundary

logger = logging.getLogger(__name__)


class NotBegun(Exception):
    """A later part of a run was not begun. The agent has not run in it, so another worker may take it."""


@dataclass
class Work:
    """One run's work in this worker.

    Attributes:
        event: The event that the worker received.
        run: The run, for the tracking of its agent.
        began_seconds: When the work began, on the monotonic clock.
        hand_over_seconds: When a checkpointing agent's run is handed over to another worker, on the same clock.
        state: The agent's `invocation_state`.
        agent: The agent, once it is built.
        before: What the part before has saved; None in the first part.
        snapshot_key: The key of the agent's saved state, if the run waits for an answer, continues elsewhere, or is a
            complete turn of a conversation.
    """

    event: AgentEvent
    run: TrackedRun
    began_seconds: float
    hand_over_seconds: float
    state: dict[str, Any]
    agent: AnyAgent | None = None
    before: NextPart | None = None
    snapshot_key: str | None = None


class Parts:
    """Begins, saves and hands over parts of runs.

    Args:
        objects: The private objects of runs.
        max_run_hours: How long the workers of one run may work in all.
        monotonic: A monotonic clock in seconds.
    """

    def __init__(self, objects: PrivateObjects, *, max_run_hours: int, monotonic: Callable[[], float]) -> None:
        self._objects = objects
        self._max_run_hours = max_run_hours
        self._monotonic = monotonic

    def before(self, work: Work, claim: Claim) -> NextPart:
        """Return the data from which a later part continues.

        Raises:
            NotBegun: The claim was not confirmed, or S3 did not answer. A later part needs the table and the bucket.
            SnapshotUnusable: The agent cannot continue from the data.
        """
        recorder = work.run.recorder
        if claim is not Claim.CLAIMED:
            raise NotBegun("its claim was not confirmed in time")
        try:
            return read_next_part(
                self._objects,
                work.event.request.agent,
                recorder.assignment.snapshot_key,
                recorder.assignment.answers_key,
            )
        except Unavailable as error:
            raise NotBegun(str(error)) from error

    async def saved(self, work: Work, agent: AnyAgent, waiting: RunOutcome) -> RunOutcome:
        """Save the data for the next part. If that fails, return an error, so that the run ends instead of waiting."""
        from runcast.agents.checkpoints import Boundary  # imports Strands
        from runcast.agents.patience import patiently
        from runcast.agents.snapshot import require_recordable, take_snapshot

        waiting = asked_in_part(waiting, work.event.part)
        try:
            require_recordable(waiting)
            pause = Boundary(take_snapshot(agent), None)
            work.snapshot_key = await patiently(work.run.stop, partial(self._save, work, pause))
        except NotResumable as error:
            return failed(error, EndReason.NOT_RESUMABLE)
        except Unavailable as error:
            logger.warning("the agent's state was not saved: %s", error)
            if work.run.recorder.stop:
                return part_failure(error, work.run.recorder.stop)
            return failed("The agent asked a question, but its state could not be saved.", EndReason.SNAPSHOT_NOT_SAVED)
        return waiting

    def _save(self, work: Work, boundary: Boundary) -> str:
        return save_for_next_part(
            self._objects, work.event.request, boundary, work.run, work.state,
            worked_seconds=self._worked_seconds(work),
        )  # fmt: skip

    async def invoke(self, work: Work, agent: AnyAgent, prompt: Any) -> None:
        """Invoke the agent until it has ended or, if it is checkpointing, until its run has to be handed over.

        Raises:
            NotResumable: The agent cannot be continued, although it is built with `checkpointing=True`.
        """
        from runcast.agents.checkpoints import CheckpointedWork, is_checkpointing, require_checkpoints_usable
        from runcast.agents.saved_part import KeptResults

        require_checkpoints_usable(agent)
        if work.before and (too_long := self._too_long(work)):
            work.run.outcome = too_long
            return
        if not is_checkpointing(agent):
            await agent.invoke_async(prompt, invocation_state=work.state)
            return
        checkpointed = CheckpointedWork(
            agent,
            work.run,
            save=partial(self._save, work),
            results=KeptResults(self._objects, work.run.recorder),
            hand_over_after_seconds=work.hand_over_seconds - self._monotonic(),
        )
        work.snapshot_key = await checkpointed.invoke(prompt, work.state)

    def handed_over(self, work: Work) -> RunOutcome:
        """Return the outcome of a part whose run continues in another worker, or has taken too long for that."""
        if too_long := self._too_long(work):
            work.snapshot_key = None
            return too_long
        return handed_over(work.event.part + 1)

    def _too_long(self, work: Work) -> RunOutcome | None:
        return worked_too_long(self._worked_seconds(work), self._max_run_hours)

    def _worked_seconds(self, work: Work) -> float:
        earlier_seconds = work.before.worked_seconds if work.before else 0.0
        return earlier_seconds + self._monotonic() - work.began_seconds
