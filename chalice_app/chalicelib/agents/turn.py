"""Passes the agent's state from one turn of a conversation to the next.

A turn begins with the state in which the last complete turn ended, and saves its own state when it is complete. If that
cannot be saved in time, the run's result is kept, and the conversation keeps the earlier state. A state that no
conversation names is deleted, because the user may already have deleted the conversation.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from chalicelib.agents import registry
from runcast import limits
from runcast.errors import ObjectGone, SnapshotUnusable, Unavailable
from runcast.json_text import json_text
from runcast.record.model import Json
from runcast.record.objects import CONVERSATIONS, PrivateObjects, private_key
from runcast.record.recorder import Recorder
from runcast.redaction import clean_text
from runcast.runs.outcome import RunOutcome

if TYPE_CHECKING:
    from chalicelib.agents.part_work import Work
    from chalicelib.agents.registry import AnyAgent

logger = logging.getLogger(__name__)


def begin_turn(objects: PrivateObjects, agent: AnyAgent, name: str, snapshot_key: str | None) -> None:
    """Load the state of the conversation into a newly built agent.

    Args:
        objects: The private objects.
        agent: The agent.
        name: Its name in the registry.
        snapshot_key: Names the state; None if this is the conversation's first turn.

    Raises:
        NotResumable: The agent cannot have conversations.
        SnapshotUnusable: The state is missing or damaged, was not read, does not fit the agent, or another version of
            the agent saved it.
    """
    from runcast.agents.snapshot import load_snapshot, require_conversational  # imports Strands

    require_conversational(agent)
    if snapshot_key is None:
        return
    try:
        saved = objects.get(snapshot_key)
        snapshot, version = saved["agent"], saved["memoryVersion"]
    except Unavailable as error:
        raise SnapshotUnusable("The state of the conversation could not be read. Start the turn again.") from error
    except (ObjectGone, KeyError, TypeError, ValueError) as error:
        raise SnapshotUnusable("The state of the conversation is missing or damaged.") from error
    registry.require_memory_version(name, version, "The conversation")
    load_snapshot(agent, snapshot)


def name_attachments(agent: AnyAgent, names: Sequence[str]) -> None:
    """Note the names of a turn's files with its query, for `shown_messages`. The block of an image has no name.

    Strands keeps the metadata of a message in the agent's state, and sends them to no model.
    """
    from strands.hooks import MessageAddedEvent  # imports Strands

    left = [*names]

    def note(event: MessageAddedEvent) -> None:
        if left and event.message["role"] == "user":
            event.message["metadata"] = {"custom": {"runcastAttachments": [*left]}}
            left.clear()

    agent.add_hook(note, MessageAddedEvent)


def saved_turn(objects: PrivateObjects, work: Work, agent: AnyAgent, complete: RunOutcome) -> RunOutcome:
    """Save the agent's state, if possible in time. Otherwise the outcome says that the conversation lacks this turn.

    Waits at most `TURN_SAVE_SECONDS`, and less if the worker's time is nearly up.
    """
    work.snapshot_key = _save(objects, agent, work.event.request.agent, work.run.recorder)
    if work.snapshot_key is None:
        return replace(complete, metadata={**(complete.metadata or {}), "conversationSaved": False})
    return complete


def _save(
    objects: PrivateObjects,
    agent: AnyAgent,
    name: str,
    recorder: Recorder,
    *,
    new_id: Callable[[], object] = uuid4,
) -> str | None:
    """Save the agent's state as one object, and return the object's key; None if it was not saved in time."""
    from runcast.agents.snapshot import take_snapshot  # imports Strands

    try:
        messages, omitted = shown_messages(getattr(agent, "messages", ()))
        text = json_text(
            {
                "agent": take_snapshot(agent),
                "memoryVersion": registry.memory_version(name),
                "messages": messages,
                "messagesOmitted": omitted,
            }
        )
    except Exception as error:  # noqa: BLE001 - odd messages must not cost the run its result
        logger.warning("this turn of the conversation was not saved: %s", error)
        return None
    if len(text.encode()) > limits.SNAPSHOT_MAX_BYTES:
        logger.warning("this turn of the conversation was not saved: the agent's state is too large")
        return None
    key = private_key(CONVERSATIONS, recorder.owner, str(recorder.assignment.conversation_id), str(new_id()))
    answered, saved, late = Lock(), False, False

    def put() -> None:
        nonlocal saved
        try:
            objects.put(key, text)
        except Unavailable as error:
            logger.warning("this turn of the conversation was not saved: %s", error)
            forget_turn(objects, key)  # S3 may have stored it
            return
        with answered:
            saved = not late
        if not saved:
            forget_turn(objects, key)

    thread = Thread(target=put, name="runcast-save-turn", daemon=True)
    try:
        thread.start()
    except RuntimeError as error:  # the process has no more threads
        logger.warning("this turn of the conversation was not saved: %s", error)
        return None
    thread.join(max(0.0, min(limits.TURN_SAVE_SECONDS, recorder.seconds_left)))
    with answered:
        late = not saved
    return key if saved else None


def forget_turn(objects: PrivateObjects, key: str) -> None:
    """Delete a saved state that no conversation names. Never raises."""
    try:
        objects.delete(key)
    except Unavailable as error:
        logger.warning("a state that no conversation names was not deleted: %s", error)


def shown_messages(messages: Sequence[Any]) -> tuple[list[Json], int]:
    """Return the newest messages that have text, oldest first and without secrets, and how many older ones there are.

    Args:
        messages: Messages of Strands.
    """
    texts = [(each, text) for each in messages if (text := _text_of(each))]
    shown: list[Json] = []
    room_bytes = limits.CONVERSATION_MAX_BYTES
    for message, text in reversed(texts):
        cleaned: Json = {"role": message["role"], "text": clean_text(text, "text", limits.RESULT_MAX_BYTES)}
        if names := _attachments_of(message):
            cleaned["attachments"] = [clean_text(name, "attachments", limits.NAME_MAX_CHARACTERS) for name in names]
        room_bytes -= sum(len(each.encode()) for each in (cleaned["text"], *cleaned.get("attachments", ())))
        if room_bytes < 0:
            break
        shown.insert(0, cleaned)
    return shown, len(texts) - len(shown)


def _attachments_of(message: Any) -> Sequence[str]:
    match message:
        case {"metadata": {"custom": {"runcastAttachments": [*names]}}}:
            return names
    return ()


def _text_of(message: Any) -> str:
    return "\n\n".join(block["text"] for block in message["content"] if block.get("text"))
