"""Passes the agent's state, the facts and the token counts of a run from one part to the next.

When the agent asks a question, its worker saves all this as one object, and then records the run as `waiting`. The
worker of the next part reads the object and the answers before it runs the agent. A worker that hands its run over does
the same without a question.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from chalicelib.agents import registry
from chalicelib.runtime.objects import SNAPSHOTS, PrivateObjects, private_key
from chalicelib.runtime.request import RunRequest
from runcast import limits
from runcast.errors import NotResumable, ObjectGone, SnapshotUnusable
from runcast.json_text import json_text
from runcast.record.model import Json
from runcast.runs.facts import facts_in, put_facts
from runcast.runs.tracked import TrackedRun

if TYPE_CHECKING:
    from chalicelib.agents.registry import AnyAgent
    from runcast.agents.checkpoints import Boundary


@dataclass(frozen=True)
class NextPart:
    """The data from which the worker of a later part continues.

    Attributes:
        request: The request of the run.
        prompt: What continues the agent, in the form that Strands expects: a checkpoint, the answers, or the query.
        saved: The content of the snapshot object.
    """

    request: RunRequest
    prompt: Any
    saved: Json

    @property
    def worked_seconds(self) -> float:
        """How long the workers of the earlier parts have worked."""
        return float(self.saved.get("workedSeconds", 0))

    def restore(self, agent: AnyAgent, run: TrackedRun, state: dict[str, Any]) -> None:
        """Load the saved state into a newly built agent, and restore the run's facts, token counts and text offset.

        Args:
            agent: The agent.
            run: The run.
            state: The `invocation_state` of the agent's next call.

        Raises:
            SnapshotUnusable: The state does not fit the agent.
        """
        from runcast.agents.checkpoints import require_resumable  # imports Strands
        from runcast.agents.snapshot import load_snapshot

        require_resumable(agent, self.prompt, was_checkpointing=run.recorder.assignment.crashes is not None)
        load_snapshot(agent, self.saved["agent"])
        # After a crash, the record may hold text that is newer than the state.
        run.text_offset = max(self.saved["textOffset"], run.recorder.assignment.text_end)
        run.turns, run.agent_usage = self.saved.get("turns", 0), self.saved.get("agentUsage", {})
        put_facts(state, self.saved["facts"])
        for model_id, tokens in self.saved["usage"]:
            run.recorder.usage.add(tokens, model_id)


def save_for_next_part(
    objects: PrivateObjects,
    request: RunRequest,
    boundary: Boundary,
    run: TrackedRun,
    state: Mapping[str, Any],
    *,
    worked_seconds: float,
    new_id: Callable[[], object] = uuid4,
) -> str:
    """Save the data for the next part as one object, and return the object's key.

    Args:
        objects: The private objects.
        request: The request of the run.
        boundary: The agent's state, and what continues the agent; None if that are the answers to its questions.
        run: The run.
        state: The agent's `invocation_state`, which has the facts.
        worked_seconds: How long the workers of the run have worked.
        new_id: Generates ids.

    Raises:
        NotResumable: The state is too large.
        Unavailable: S3 refused or did not answer.
    """
    recorder = run.recorder
    version = registry.memory_version(request.agent)
    if version is not None and not isinstance(version, int | str):
        raise NotResumable("The agent's MEMORY_VERSION must be a whole number or a text.")
    saved = {
        "query": request.query,
        "parameters": request.parameters,
        "agent": boundary.agent,
        "prompt": boundary.prompt,
        "workedSeconds": worked_seconds,
        "memoryVersion": version,
        "textOffset": run.text_offset,
        "turns": run.turns,
        "agentUsage": run.agent_usage,
        "facts": facts_in(state),
        "usage": recorder.usage.by_model(),
    }
    text = json_text(saved)
    if len(text.encode()) > limits.SNAPSHOT_MAX_BYTES:
        raise NotResumable(
            f"The agent's state is larger than {limits.SNAPSHOT_MAX_BYTES // 1024**2} MB and cannot be saved. Keep "
            "large content out of the conversation, for example in a bucket."
        )
    key = private_key(SNAPSHOTS, recorder.owner, recorder.request_id, str(new_id()))
    objects.put(key, text)
    return key


def read_next_part(objects: PrivateObjects, agent: str, snapshot_key: str | None, answers_key: str | None) -> NextPart:
    """Read the data for the part that this worker has claimed.

    Raises:
        SnapshotUnusable: An object is missing or damaged, or another version of the agent saved it.
        Unavailable: S3 did not answer.
    """
    from runcast.agents.snapshot import answers_as_prompt  # imports Strands

    if not snapshot_key:
        raise SnapshotUnusable("The run's record names no saved state.")
    try:
        saved = objects.get(snapshot_key)
        request = RunRequest(agent, saved["query"], saved["parameters"])
        prompt = saved.get("prompt") or answers_as_prompt(objects.get(answers_key or ""))
        version = saved["memoryVersion"]
    except (ObjectGone, AttributeError, KeyError, TypeError, ValueError) as error:
        raise SnapshotUnusable("The agent's saved state, or the answer, is missing or damaged.") from error
    registry.require_memory_version(agent, version, "The agent's state")
    return NextPart(request, prompt, saved)
