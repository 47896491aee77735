"""`run_in_parts`: runs a checkpointing agent in your own function or process, over as many invocations as it takes.

It does for such an agent what Runcast's agent Lambda does for its own: it saves the agent's state before each turn's
tools, keeps a journal of the tool calls, and hands the run over before the function's time is up.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

from strands import Agent
from strands.agent import AgentResult

from runcast import limits
from runcast.agents.checkpoints import Boundary, CheckpointedWork, is_checkpointing, require_checkpoints_usable
from runcast.agents.parts import name_of
from runcast.agents.patience import patiently
from runcast.agents.prompt import prompt_of
from runcast.agents.saved_part import KeptResults, prompt_in, reading_state, restore_part, save_part, saved_part
from runcast.agents.snapshot import require_recordable, take_snapshot
from runcast.agents.track import track
from runcast.errors import (
    ConfigurationMissing,
    Conflict,
    NotResumable,
    RunStopped,
    Unavailable,
)
from runcast.record.assignment import Claim
from runcast.record.attachments import named_attachments, record_attachments
from runcast.record.handover import NEXT_PART
from runcast.record.model import RunStatus
from runcast.record.objects import PrivateObjects
from runcast.record.recorder import Recorder
from runcast.runs.from_environment import (
    destination_of_environment,
    make_clients,
    private_objects_of_environment,
    recorder_of,
)
from runcast.runs.outcome import (
    RunOutcome,
    asked_in_part,
    handed_over,
    overruled,
    part_failure,
    stopped_early,
    worked_too_long,
)
from runcast.runs.tracked import TrackedRun

_WITH_RESULT = (RunStatus.COMPLETE, RunStatus.WAITING)
# Strands' reasons of an agent without a result, in a run that has ended: a question that nobody can answer is none.
_STOPPED = ("cancelled", "interrupt")


async def run_in_parts(
    agent: Agent, event: Mapping[str, Any], *, hand_over_after_seconds: float | None = None
) -> AgentResult | None:
    """Run an agent that is built with `checkpointing=True`, or continue its run where an earlier part has stopped.

    Each call is one part. In a function that Terraform's `agent_functions` names, Runcast invokes the function for the
    next part, after a hand-over and after a crash. In any other process, call it again with the same `event`. If
    another worker has the run, it is refused.

    Args:
        agent: The agent, newly built for this call.
        event: Names the run: the event of the function, or a mapping with `requestId`, `query` and optionally
            `userId`, `tenantId`, `jobId` and `agent`. In a Lambda, add `lambdaContext`.
        hand_over_after_seconds: When to hand the run over, from now. By default `limits.HANDOVER_SECONDS` before the
            Lambda's deadline, but at least half of the time is for the agent; never without `lambdaContext`.

    Returns:
        The agent's result, which may be a question; None if the run continues in another part.

    Raises:
        AttachmentUnusable: A file that the event names could not be read.
        ConfigurationMissing: `AGENT_PROGRESS_TABLE` or `RESULTS_BUCKET` is not set.
        InvalidInput: The event is invalid.
        NotResumable: The agent cannot be continued. The message has the cause.
        Conflict: The run has ended, or another worker has it.
        RunStopped: The run was stopped before its agent had a result, for example by a cancel request.
        SnapshotUnusable: The saved state does not fit the agent.
        Unavailable: The record or the bucket did not answer.
    """
    if not is_checkpointing(agent):
        raise NotResumable("run_in_parts() takes an Agent that is built with checkpointing=True.")
    objects = private_objects_of_environment()
    await make_clients()
    recorder = recorder_of(event, agent=name_of(agent), loads_state=True)
    if recorder is None:
        raise ConfigurationMissing(["AGENT_PROGRESS_TABLE"])
    claim = await asyncio.to_thread(recorder.claim, wait_seconds=limits.PART_BEGIN_SECONDS)
    if claim is Claim.REFUSED:
        raise Conflict(recorder.refusal or "Another worker has the run.")
    if claim is Claim.UNANSWERED:
        recorder.abandon()
        raise Unavailable("The run was not begun here: its claim was not confirmed in time.")
    if hand_over_after_seconds is None:
        left_seconds = recorder.seconds_left
        hand_over_after_seconds = max(left_seconds / 2, left_seconds - limits.HANDOVER_SECONDS)
    part = _Part(track(agent), recorder, objects, hand_over_after_seconds)
    return await part.run(event)


class _NotBegun(Exception):
    """The part was not begun: nothing of the agent has run in it, so another worker may take it."""


class _Part:
    """A claimed part of a run."""

    def __init__(
        self, agent: Agent, recorder: Recorder, objects: PrivateObjects, hand_over_after_seconds: float
    ) -> None:
        self._agent = agent
        self._recorder = recorder
        self._objects = objects
        self._run = TrackedRun(recorder)
        self._state: dict[str, Any] = {"runcast": self._run, "request_state": {}}
        self._began_seconds = time.monotonic()
        self._worked_before_seconds = 0.0
        self._work = CheckpointedWork(
            agent,
            self._run,
            save=self._save,
            results=KeptResults(objects, recorder),
            hand_over_after_seconds=hand_over_after_seconds,
        )

    async def run(self, event: Mapping[str, Any]) -> AgentResult | None:
        """Run the part and record its end."""
        snapshot_key = None
        try:
            prompt = await self._prompt(event)
            require_checkpoints_usable(self._agent)
            if (outcome := self._too_long()) is None:
                snapshot_key = await self._work.invoke(prompt, self._state)
                outcome = self._run.outcome or stopped_early("it gave no result")
            if snapshot_key:
                outcome = self._too_long() or handed_over(self._recorder.assignment.part + 1)
            elif outcome.status is RunStatus.WAITING:
                outcome = asked_in_part(outcome, self._recorder.assignment.part)
                require_recordable(outcome)
                pause = Boundary(take_snapshot(self._agent), None)
                snapshot_key = await patiently(self._run.stop, partial(self._save, pause))
        except _NotBegun as error:
            self._recorder.abandon()
            raise Unavailable(f"The part was not begun here: {error}") from error
        except BaseException as error:
            await self._end(part_failure(error, self._recorder.stop, said=self._run.said), None)
            raise
        outcome = await self._end(outcome, snapshot_key)
        if outcome.status is RunStatus.IN_PROGRESS:
            return None
        result = self._work.result
        if result is None or (outcome.status not in _WITH_RESULT and result.stop_reason in _STOPPED):
            raise RunStopped
        return result

    async def _prompt(self, event: Mapping[str, Any]) -> Any:
        """Return what the agent begins or continues with; load its state before.

        Raises:
            AttachmentUnusable: A file could not be read.
            InvalidInput: The event has no valid query, or names files in another form.
            SnapshotUnusable: The state does not fit the agent.
            _NotBegun: The bucket or the table did not answer.
        """
        recorder = self._recorder
        if (key := recorder.assignment.snapshot_key) is None:
            recorder.record("agent", f"{name_of(self._agent)} begins")
            record_attachments(recorder, named_attachments(event.get("attachments")))
            return await asyncio.to_thread(prompt_of, event)
        try:
            with reading_state():
                saved = await asyncio.to_thread(self._objects.get, key)
                answers_key = recorder.assignment.answers_key or ""
                prompt = await asyncio.to_thread(prompt_in, saved, partial(self._objects.get, answers_key))
                self._worked_before_seconds = float(saved["workedSeconds"])
        except Unavailable as error:
            raise _NotBegun(str(error)) from error
        restore_part(saved, prompt, self._agent, self._run, self._state)
        recorder.record("agent", f"{name_of(self._agent)} continues")
        if not await asyncio.to_thread(recorder.await_first_step, limits.PART_BEGIN_SECONDS):
            raise _NotBegun("its first step was not stored in time")
        return prompt

    def _save(self, boundary: Boundary) -> str:
        saved = {"workedSeconds": self._worked_seconds(), **saved_part(boundary, self._run, self._state)}
        return save_part(self._objects, saved, self._recorder)

    def _too_long(self) -> RunOutcome | None:
        return worked_too_long(self._worked_seconds(), limits.MAX_RUN_HOURS)

    def _worked_seconds(self) -> float:
        return self._worked_before_seconds + time.monotonic() - self._began_seconds

    async def _end(self, outcome: RunOutcome, snapshot_key: str | None) -> RunOutcome:
        """Record the end of the part; return what the record has."""
        report = await asyncio.to_thread(
            self._recorder.end,
            outcome.status,
            outcome.message,
            result=outcome.result,
            error=outcome.error,
            reason=outcome.reason,
            metadata=outcome.metadata,
            snapshot_key=snapshot_key if not outcome.status.ended else None,
        )
        outcome = overruled(outcome, report.stop, report.stop_error)
        destination = destination_of_environment()
        if outcome.status is RunStatus.IN_PROGRESS and not report.end_pending and destination and destination.hand_over:
            await asyncio.to_thread(destination.hand_over, {NEXT_PART: self._recorder.request_id})
        return outcome
