"""Passes the agent's state, the facts and the token counts of a run from one part to the next.

When the agent asks a question, its worker saves all this as one object, and then records the run as `waiting`. The
worker of the next part reads the object and the answers before it runs the agent. A worker that hands its run over does
the same without a question.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.agents import registry
from chalicelib.runtime.request import RunRequest
from runcast.errors import NotResumable, SnapshotUnusable
from runcast.record.attachments import named_attachments
from runcast.record.model import Json
from runcast.record.objects import PrivateObjects
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

    @property
    def begins_with_files(self) -> bool:
        """Whether the agent has yet to be given the query and the files of the run."""
        return isinstance(self.prompt, list) and "text" in self.prompt[0]  # a checkpoint is no list; answers have none

    def restore(self, agent: AnyAgent, run: TrackedRun, state: dict[str, Any]) -> None:
        """Load the saved state into a newly built agent, and restore the run's facts, token counts and text offset.

        Args:
            agent: The agent.
            run: The run.
            state: The `invocation_state` of the agent's next call.

        Raises:
            SnapshotUnusable: The state does not fit the agent.
        """
        from runcast.agents.saved_part import restore_part  # imports Strands

        restore_part(self.saved, self.prompt, agent, run, state)


def save_for_next_part(
    objects: PrivateObjects,
    request: RunRequest,
    boundary: Boundary,
    run: TrackedRun,
    state: Mapping[str, Any],
    *,
    worked_seconds: float,
) -> str:
    """Save the data for the next part as one object, and return the object's key.

    Args:
        objects: The private objects.
        request: The request of the run.
        boundary: The agent's state, and what continues the agent; None if that are the answers to its questions.
        run: The run.
        state: The agent's `invocation_state`, which has the facts.
        worked_seconds: How long the workers of the run have worked.

    Raises:
        NotResumable: The state is too large.
        Unavailable: S3 refused or did not answer.
    """
    from runcast.agents.saved_part import save_part, saved_part  # imports Strands

    version = registry.memory_version(request.agent)
    if version is not None and not isinstance(version, int | str):
        raise NotResumable("The agent's MEMORY_VERSION must be a whole number or a text.")
    saved = {
        "query": request.query,
        "parameters": request.parameters,
        "attachments": [each.to_json() for each in request.attachments],
        "workedSeconds": worked_seconds,
        "memoryVersion": version,
        **saved_part(boundary, run, state),
    }
    return save_part(objects, saved, run.recorder)


def read_next_part(objects: PrivateObjects, agent: str, snapshot_key: str | None, answers_key: str | None) -> NextPart:
    """Read the data for the part that this worker has claimed.

    Raises:
        SnapshotUnusable: An object is missing or damaged, or another version of the agent saved it.
        Unavailable: S3 did not answer.
    """
    from runcast.agents.saved_part import prompt_in, reading_state  # imports Strands

    if not snapshot_key:
        raise SnapshotUnusable("The run's record names no saved state.")
    with reading_state():
        saved = objects.get(snapshot_key)
        attachments = named_attachments(saved.get("attachments"))  # an earlier version saved none
        request = RunRequest(agent, saved["query"], saved["parameters"], attachments)
        prompt = prompt_in(saved, lambda: objects.get(answers_key or ""))
        version = saved["memoryVersion"]
    registry.require_memory_version(agent, version, "The agent's state")
    return NextPart(request, prompt, saved)
