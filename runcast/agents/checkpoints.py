"""Runs an agent that is built with `checkpointing=True`, so that another worker can continue its run.

Such an agent stops at the boundaries of its cycles: after the model has asked for tools and before one of them begins,
and after they have ended. At each boundary, its state is all that another worker needs. The state before the tools is
always saved, because the model would give other ids to the same tool calls if it were asked again. The state after
them is saved only if the run is handed over there. The journal knows which of the tools have been called since.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeGuard, cast

from strands import Agent
from strands.agent import AgentResult
from strands.experimental.checkpoint import Checkpoint
from strands.hooks import BeforeInvocationEvent
from strands.telemetry.metrics import EventLoopCycleMetric
from strands.types.event_loop import Usage
from strands.types.exceptions import CheckpointException

from runcast.agents.journal import Results, ToolJournal
from runcast.agents.parts import name_of, parts
from runcast.agents.patience import patiently
from runcast.agents.snapshot import take_snapshot
from runcast.errors import NotResumable, RunStopped, SnapshotUnusable
from runcast.record.model import Json
from runcast.runs.tracked import TrackedRun

RESUME = "checkpointResume"
"""The key of the prompt with which Strands continues an agent from a checkpoint."""

_NO_USAGE = Usage(inputTokens=0, outputTokens=0, totalTokens=0)


@dataclass(frozen=True)
class Boundary:
    """A point from which another worker can continue an agent.

    Attributes:
        agent: The agent's state, from `take_snapshot`.
        prompt: The prompt with which the agent continues.
    """

    agent: Json
    prompt: Any


def is_checkpointing(agent: Any) -> TypeGuard[Agent]:
    """Return whether an agent is built with `checkpointing=True`."""
    return isinstance(agent, Agent) and agent._checkpointing


def require_checkpoints_usable(agent: Any) -> None:
    """Check that an agent, if it or one that it uses is built with `checkpointing=True`, can be continued.

    Raises:
        NotResumable: It cannot; the message has the cause and what to do.
    """
    for user, name in _checkpointing_parts(agent, set()):
        raise NotResumable(
            f"The agent {name}, which {user} uses, is built with checkpointing=True. It would stop before its first "
            "tool. Build only the run's own agent with checkpointing=True."
        )
    if not is_checkpointing(agent):
        return
    for attribute, option in (("_session_manager", "a session manager"), ("_background_tasks", "background_tasks")):
        if getattr(agent, attribute, None) is not None:
            raise NotResumable(
                f"The agent {name_of(agent)} is built with checkpointing=True and with {option}, so another worker "
                "cannot continue it. Use only one of the two."
            )


def require_resumable(agent: Any, prompt: Any, *, was_checkpointing: bool) -> None:
    """Check that a newly built agent can continue with the prompt of a boundary.

    Args:
        agent: The agent.
        prompt: The prompt.
        was_checkpointing: Whether the agent was checkpointing in the part before.

    Raises:
        SnapshotUnusable: The agent is no longer built with `checkpointing=True`, or with another version of Strands.
    """
    if was_checkpointing and not is_checkpointing(agent):
        raise SnapshotUnusable(f"{name_of(agent)} cannot continue: it is no longer built with checkpointing=True.")
    if not (isinstance(prompt, Mapping) and RESUME in prompt):
        return
    try:
        Checkpoint.from_dict(prompt[RESUME]["checkpoint"])
    except (CheckpointException, AttributeError, KeyError, TypeError) as error:
        raise SnapshotUnusable(f"{name_of(agent)} cannot continue: another version of Strands saved it.") from error


def _checkpointing_parts(agent: Any, seen: set[int]) -> Iterator[tuple[str, str]]:
    """Yield the names of agents and of the checkpointing agents that these use."""
    if id(agent) in seen:  # agents may be tools of each other
        return
    seen.add(id(agent))
    for name, part in parts(agent):
        if is_checkpointing(part):
            yield name_of(agent), name
        yield from _checkpointing_parts(part, seen)


class CheckpointedWork:
    """Invokes a checkpointing agent until it has ended, or until its run is handed over to another worker.

    Args:
        agent: The agent.
        run: The run.
        save: Saves a boundary for other workers, and returns the key of the object. It may block.
        results: Keeps large results of tools.
        hand_over_after_seconds: When to hand the run over, from now.

    Attributes:
        result: The agent's result, once it has ended.
    """

    def __init__(
        self,
        agent: Agent,
        run: TrackedRun,
        *,
        save: Callable[[Boundary], str],
        results: Results,
        hand_over_after_seconds: float,
    ) -> None:
        self._agent = agent
        self._run = run
        self._save = save
        self._results = results
        self._hand_over_after_seconds = hand_over_after_seconds
        self._begins_turn = False
        self.result: AgentResult | None = None

    async def invoke(self, prompt: Any, state: dict[str, Any]) -> str | None:
        """Invoke the agent.

        Args:
            prompt: The prompt.
            state: The `invocation_state`.

        Returns:
            The key of the saved state if the run is to be handed over; None if the agent has ended.

        Raises:
            NotResumable: The agent's state cannot be saved.
            RunStopped: The run has to stop.
            Unavailable: The state could not be saved in time.
        """
        recorder, stop = self._run.recorder, self._run.stop
        timer = asyncio.get_running_loop().call_later(max(0.0, self._hand_over_after_seconds), stop.hand_over)
        journal = ToolJournal(self._run, recorder.journal(), self._results, partial(patiently, self._run.stop))
        journal.attach(self._agent, state)
        self._agent.add_hook(self._count_on, BeforeInvocationEvent)
        try:
            boundary = Boundary(take_snapshot(self._agent), prompt)
            # A later part continues from the state that the record names: the journal's entries belong to it.
            begun_from = recorder.assignment.snapshot_key or await self._named(boundary)
            journal.follow(begun_from)
            self._begins_turn = _position(prompt) == "after_tools"
            # The state that the record names may be handed over only if tools may have been called from it. Otherwise
            # it is saved again: without the time of this part, a run whose model is too slow would never be too long.
            key = begun_from if _may_call_tools(prompt) else None
            while not stop.handing_over:
                stop.at_boundary()
                try:
                    result = await self._agent.invoke_async(boundary.prompt, invocation_state=state)
                except RunStopped:
                    if not stop.handing_over or stop.reason:
                        raise
                    break
                await journal.settle()
                self._count(result)
                if result.checkpoint is None:
                    self.result = result
                    return None
                boundary, key = Boundary(take_snapshot(self._agent), _resuming(result.checkpoint)), None
                if result.checkpoint.position == "after_model":
                    key = await self._named(boundary)
                    journal.follow(key)
            return key or await self._named(boundary)
        finally:
            timer.cancel()
            await journal.settle()

    def _count_on(self, event: BeforeInvocationEvent) -> None:
        """Let Strands' `limits` count the run's earlier turns before the model is called again.

        Each turn takes two invocations. That of the tools counts nothing, because tools that the model has asked for
        always run.
        """
        invocation = event.agent.event_loop_metrics.latest_agent_invocation
        if invocation and not invocation.cycles and self._begins_turn:
            invocation.cycles += [EventLoopCycleMetric("", _NO_USAGE)] * self._run.turns
            invocation.usage.update(cast(Usage, self._run.agent_usage))

    def _count(self, result: AgentResult) -> None:
        invocation = result.metrics.latest_agent_invocation
        used = cast(Mapping[str, int], invocation.usage if invocation else {})
        before = {} if self._begins_turn else self._run.agent_usage  # which `used` contains at the beginning of a turn
        self._run.agent_usage = {kind: before.get(kind, 0) + tokens for kind, tokens in used.items()}
        self._begins_turn = result.checkpoint is not None and result.checkpoint.position == "after_tools"
        self._run.turns += self._begins_turn

    async def _named(self, boundary: Boundary) -> str:
        """Save a boundary, and name it in the record."""
        key = await patiently(self._run.stop, partial(self._save, boundary))
        await patiently(self._run.stop, partial(self._run.recorder.name_snapshot, key))
        return key


def _position(prompt: Any) -> str | None:
    """Return at which boundary an agent continues with a prompt; None with a query or with answers."""
    return prompt[RESUME]["checkpoint"]["position"] if isinstance(prompt, Mapping) and RESUME in prompt else None


def _may_call_tools(prompt: Any) -> bool:
    """Return whether an agent may call tools before it saves its state: not if it asks the model first."""
    answers = isinstance(prompt, list) and any("interruptResponse" in each for each in prompt)
    return answers or _position(prompt) == "after_model"


def _resuming(checkpoint: Checkpoint) -> Json:
    return {RESUME: {"checkpoint": checkpoint.to_dict()}}
