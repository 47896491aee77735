"""Keeps the state of a run between two of its parts, as private objects.

The state is that of the agent, with the run's facts, tokens and text offset. The results of tools that are too large
for the journal are objects, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from strands.types.session import decode_bytes_values, encode_bytes_values

from runcast import limits
from runcast.agents.checkpoints import Boundary, require_resumable
from runcast.agents.prompt import prompt_of_answers
from runcast.agents.snapshot import load_snapshot
from runcast.errors import NotResumable, ObjectGone, SnapshotUnusable
from runcast.json_text import json_text
from runcast.record.model import Json
from runcast.record.objects import SNAPSHOTS, PrivateObjects, private_key
from runcast.record.recorder import Recorder
from runcast.runs.facts import facts_in, put_facts
from runcast.runs.tracked import TrackedRun

if TYPE_CHECKING:
    from strands import Agent
    from strands.multiagent.base import MultiAgentBase


class KeptResults:
    """Keeps the results of a run's tools that are too large for the journal."""

    def __init__(self, objects: PrivateObjects, recorder: Recorder) -> None:
        self._objects = objects
        self._recorder = recorder

    def put(self, text: str) -> str:
        """Store a result, and return the key of its object."""
        key = private_key(SNAPSHOTS, self._recorder.owner, self._recorder.request_id, f"result-{uuid4()}")
        self._objects.put(key, text)
        return key

    def get(self, key: str) -> Any:
        """Return a stored result."""
        return self._objects.get(key)


def save_part(objects: PrivateObjects, saved: Json, recorder: Recorder, *, new_id: Callable[[], object] = uuid4) -> str:
    """Store the state of a run as one object, and return the object's key.

    Args:
        objects: The private objects.
        saved: The state, which contains that of `saved_part`.
        recorder: The recorder of the run.
        new_id: Generates ids.

    Raises:
        NotResumable: The state is too large.
        Unavailable: S3 refused or did not answer.
    """
    text = json_text(saved)
    if len(text.encode()) > limits.SNAPSHOT_MAX_BYTES:
        raise NotResumable(
            f"The agent's state is larger than {limits.SNAPSHOT_MAX_BYTES // 1024**2} MB and cannot be saved. Keep "
            "large content out of the conversation, for example in a bucket."
        )
    key = private_key(SNAPSHOTS, recorder.owner, recorder.request_id, str(new_id()))
    objects.put(key, text)
    return key


def saved_part(boundary: Boundary, run: TrackedRun, state: Mapping[str, Any]) -> Json:
    """Return the state as JSON.

    Args:
        boundary: The agent's state, and the prompt that continues the agent.
        run: The run.
        state: The agent's `invocation_state`, which has the facts.
    """
    return {
        "agent": boundary.agent,
        "prompt": encode_bytes_values(boundary.prompt),  # of a query with attachments
        "textOffset": run.text_offset,
        "turns": run.turns,
        "agentUsage": run.agent_usage,
        "facts": facts_in(state),
        "usage": run.recorder.usage.by_model(),
    }


def prompt_in(saved: Json, answers: Callable[[], Json]) -> Any:
    """Return what the agent continues with: the prompt of the saved boundary or, after a question, the answers.

    Args:
        saved: The state, from `saved_part`.
        answers: Reads the answers.
    """
    return decode_bytes_values(saved["prompt"]) if saved["prompt"] else prompt_of_answers(answers())


@contextmanager
def reading_state() -> Iterator[None]:
    """Raise `SnapshotUnusable` if the objects that are read within lack something, or do not exist."""
    try:
        yield
    except (ObjectGone, AttributeError, KeyError, TypeError, ValueError) as error:
        raise SnapshotUnusable("The agent's saved state, or the answer, is missing or damaged.") from error


def restore_part(
    saved: Json, prompt: Any, agent: Agent | MultiAgentBase, run: TrackedRun, state: dict[str, Any]
) -> None:
    """Load the state into a newly built agent, its run and its `invocation_state`.

    Args:
        saved: The state, from `saved_part`.
        prompt: The prompt with which the agent continues.
        agent: The agent.
        run: The run.
        state: The `invocation_state` of the agent's next call.

    Raises:
        SnapshotUnusable: The state does not fit the agent.
    """
    require_resumable(agent, prompt, was_checkpointing=run.recorder.assignment.crashes is not None)
    with reading_state():
        load_snapshot(agent, saved["agent"])
        # After a crash, the record may hold text that is newer than the state.
        run.text_offset = max(saved["textOffset"], run.recorder.assignment.text_end)
        run.turns, run.agent_usage = saved.get("turns", 0), saved.get("agentUsage", {})
        put_facts(state, saved["facts"])
        for model_id, tokens in saved["usage"]:
            run.recorder.usage.add(tokens, model_id)
