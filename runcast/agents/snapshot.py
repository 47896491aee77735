"""Saves an agent's state, for an answer or for the next turn of a conversation, and loads it in another process.

Strands creates and loads the state. This module adds three things: bytes and tuples as JSON, support for a Graph or a
Swarm, and a clear error for states that Strands can save but not continue.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from strands import Agent, Snapshot
from strands.multiagent.base import MultiAgentBase
from strands.types.session import decode_bytes_values, encode_bytes_values

from runcast import limits
from runcast.agents.parts import name_of, parts
from runcast.errors import NotResumable, SnapshotUnusable
from runcast.json_text import metadata_json
from runcast.record.model import Json
from runcast.runs.outcome import RunOutcome

_SESSION = {"kept by": "session manager"}


def take_snapshot(agent: Agent | MultiAgentBase) -> Json:
    """Return the state of an agent that has asked a question, or has ended, as JSON.

    If the agent has a session manager, that saves the state, and the snapshot only says so.

    Raises:
        NotResumable: The agent could not continue from its state. The message has the cause.
    """
    for name in _forgetful_parts(agent, set()):
        raise NotResumable(
            f"The agent {name} asked a question, but as a tool with preserve_context=True it cannot take the answer in "
            "another process. Use it without preserve_context."
        )
    if _has_session(agent):
        return _SESSION
    try:
        encoded: Json = encode_bytes_values(_state_of(agent, set()))
        json.dumps(encoded, allow_nan=False)
    except NotImplementedError as error:
        raise NotResumable(f"{name_of(agent)} cannot be saved: it has no serialize_state().") from error
    except (TypeError, ValueError, RecursionError) as error:
        raise NotResumable(
            f"The state of {name_of(agent)} cannot be saved as JSON: {error}. Give questions, and the agent's state, "
            "JSON values only."
        ) from error
    except Exception as error:  # an agent's own class or hook may raise any error
        raise NotResumable(f"The state of {name_of(agent)} cannot be saved: {type(error).__name__}: {error}") from error
    return encoded


def load_snapshot(agent: Agent | MultiAgentBase, snapshot: Json) -> None:
    """Load the result of `take_snapshot` into a newly built agent.

    Raises:
        SnapshotUnusable: The state does not fit the agent.
    """
    if snapshot == _SESSION:
        return
    try:
        _load_state(agent, decode_bytes_values(snapshot))
    except Exception as error:  # an agent's own class or hook may raise any error
        raise SnapshotUnusable(f"{name_of(agent)} could not load its saved state: {type(error).__name__}.") from error


def require_conversational(agent: Agent | MultiAgentBase) -> None:
    """Check that an agent can continue a conversation.

    Raises:
        NotResumable: It is a Graph or Swarm, which after its end would see only the new query. Or it has a session
            manager, and loading another state over its own would repeat tool calls.
    """
    if isinstance(agent, MultiAgentBase):
        raise NotResumable(
            f"{name_of(agent)} consists of several agents and cannot have conversations. Start it without "
            "conversationId and branchFrom."
        )
    if _has_session(agent):
        raise NotResumable(
            f"{name_of(agent)} has its own session manager, so Runcast cannot keep its conversations. Remove the "
            "session manager, or start it without conversationId and branchFrom."
        )


def require_recordable(waiting: RunOutcome) -> None:
    """Check that the questions of an agent that waits can be recorded, so that people can answer them.

    Raises:
        NotResumable: There is no question, or their ids and names exceed `QUESTIONS_MAX_BYTES`.
    """
    recorded = json.loads(metadata_json(waiting.metadata, questions=True) or "{}").get("interrupts")
    if not (recorded and isinstance(recorded, list)):
        raise NotResumable(
            "The agent waits for an answer, but its questions cannot be recorded: there must be at least one, and "
            f"their names must fit in {limits.QUESTIONS_MAX_BYTES // 1024} KB."
        )


def _state_of(agent: Agent | MultiAgentBase, seen: set[int]) -> Json:
    seen.add(id(agent))
    kept = {name: _state_of(part, seen) for name, part in _kept_parts(agent) if id(part) not in seen}
    if isinstance(agent, Agent):
        return {**agent.take_snapshot(preset="session").to_dict(), "parts": kept}
    return {"state": agent.serialize_state(), "parts": kept}


def _load_state(agent: Agent | MultiAgentBase, state: Json) -> None:
    if isinstance(agent, Agent):
        agent.load_snapshot(Snapshot.from_dict(state))
    else:
        agent.deserialize_state(state["state"])
    by_name = dict(parts(agent))
    for name, kept in state["parts"].items():
        _load_state(by_name[name], kept)


def _kept_parts(agent: Agent | MultiAgentBase) -> Iterator[tuple[str, Any]]:
    """Yield the parts that remember something for later calls. Strands saves only an Agent that is a node and asks."""
    for name, part in parts(agent):
        if isinstance(agent, Agent):
            remembers = getattr(agent.tool_registry.registry[name], "_preserve_context", False)
        else:
            remembers = isinstance(part, Agent) or (isinstance(part, MultiAgentBase) and _asked(part))
        if remembers and not _has_session(part):
            yield name, part


def _asked(agent: Any) -> bool:
    return bool(getattr(getattr(agent, "_interrupt_state", None), "activated", False))


def _has_session(agent: Any) -> bool:
    return any(getattr(agent, name, None) is not None for name in ("_session_manager", "session_manager"))


def _forgetful_parts(agent: Any, seen: set[int]) -> Iterator[str]:
    """Yield the names of agents that have asked a question but whose state would be lost.

    Strands does not save the state of a tool with `preserve_context=True`; a session manager may.
    """
    if id(agent) in seen:  # agents may be tools of each other
        return
    seen.add(id(agent))
    for name, part in parts(agent):
        tool = agent.tool_registry.registry.get(name) if isinstance(agent, Agent) else None
        if tool is not None and _asked(part) and getattr(tool, "_preserve_context", False) and not _has_session(part):
            yield name
        yield from _forgetful_parts(part, seen)
