"""An agent's state while its run waits for an answer, from which another process continues.

Strands makes and loads the state. This module adds what Strands leaves out: bytes and tuples as JSON, a Graph or a
Swarm, and a clear refusal of everything that Strands saves but could not continue.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from strands import Agent, Snapshot
from strands.multiagent.base import MultiAgentBase
from strands.types.exceptions import SnapshotException
from strands.types.session import decode_bytes_values, encode_bytes_values

from runcast.agents.parts import name_of, parts
from runcast.errors import NotResumable, SnapshotUnusable
from runcast.record.model import Json

_SESSION = {"kept by": "session manager"}


def take_snapshot(agent: Agent | MultiAgentBase) -> Json:
    """Return the state of an agent that has asked a question, as JSON.

    An agent with a session manager of its own is saved there. Its snapshot only says so.

    Raises:
        NotResumable: Strands could not continue the agent; the message names what prevents it.
    """
    for name in _forgetful_parts(agent):
        raise NotResumable(
            f"The agent {name} asked a question, but as a tool with preserve_context=True it cannot take the answer in "
            "another process. Use it without preserve_context."
        )
    if _has_session(agent):
        return _SESSION
    try:
        state = agent.take_snapshot(preset="session").to_dict() if isinstance(agent, Agent) else _state_of(agent)
        encoded: Json = json.loads(json.dumps(encode_bytes_values(state), allow_nan=False))
    except NotImplementedError as error:
        raise NotResumable(f"{name_of(agent)} cannot be saved: it has no serialize_state().") from error
    except (TypeError, ValueError, RecursionError) as error:
        raise NotResumable(
            f"The state of {name_of(agent)} cannot be saved as JSON: {error}. Give questions, and the agent's state, "
            "JSON values only."
        ) from error
    return encoded


def load_snapshot(agent: Agent | MultiAgentBase, snapshot: Json) -> None:
    """Load a state from `take_snapshot` into a newly built agent.

    Raises:
        SnapshotUnusable: The state does not fit the agent.
    """
    if snapshot == _SESSION:
        return
    try:
        state = decode_bytes_values(snapshot)
        if isinstance(agent, Agent):
            agent.load_snapshot(Snapshot.from_dict(state))
        else:
            agent.deserialize_state(state)
    except (SnapshotException, AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise SnapshotUnusable(
            f"{name_of(agent)} could not load its state from before the question: {type(error).__name__}."
        ) from error


def answers_as_prompt(answers: Mapping[str, Any]) -> list[Json]:
    """Return answers, by the ids of their questions, as the prompt with which Strands continues an agent."""
    return [{"interruptResponse": {"interruptId": key, "response": answer}} for key, answer in answers.items()]


def _state_of(agent: MultiAgentBase) -> Json:
    return agent.serialize_state()


def _has_session(agent: Any) -> bool:
    return any(getattr(agent, name, None) is not None for name in ("_session_manager", "session_manager"))


def _forgetful_parts(agent: Any) -> Iterator[str]:
    """Yield the agents that have asked a question and whose state neither Strands nor a session manager would save."""
    for name, part in parts(agent):
        tool = agent.tool_registry.registry.get(name) if isinstance(agent, Agent) else None
        asked = getattr(getattr(part, "_interrupt_state", None), "activated", False)
        if tool is not None and asked and getattr(tool, "_preserve_context", False) and not _has_session(part):
            yield name
        yield from _forgetful_parts(part)
