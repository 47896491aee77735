"""Lists, reads and deletes the caller's conversations. The code is the same for GraphQL and REST."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress

from chalicelib.lifecycle.turn import open_run
from runcast import limits
from runcast.errors import Conflict, ConversationChanged, InvalidInput, ObjectGone, Unavailable
from runcast.record.conversation import Conversation
from runcast.record.cursor import decoded_place, encoded_place
from runcast.record.ids import chosen_id
from runcast.record.listing import listed_run
from runcast.record.model import Json, Owner
from runcast.record.objects import CONVERSATIONS, PrivateObjects, private_key
from runcast.record.store import RunStore
from runcast.text import well_formed

logger = logging.getLogger(__name__)


def list_conversations(
    store: RunStore, owner: Owner, *, limit: int = limits.LIST_MAX_RUNS, cursor: str | None = None
) -> Json:
    """Return the caller's conversations, that with the newest turn first. A new one may be missing for some seconds.

    Args:
        store: The records.
        owner: The caller.
        limit: From 1 to `LIST_MAX_RUNS`.
        cursor: `nextCursor` of an earlier answer. It is a position, not a permission.

    Returns:
        `conversations`, at most `limit`, each with `conversationId`, `agent`, `title`, `lastTurnAt` and `expiresAt`
        (epoch ms) and `openRun`; and `nextCursor`, None when there are no more. A page with a `nextCursor` may hold
        fewer than `limit` conversations, or none.

    Raises:
        InvalidInput: `limit` is out of bounds, or `cursor` is not from an answer.
        StoreUnavailable: DynamoDB did not answer.
    """
    if not 1 <= limit <= limits.LIST_MAX_RUNS:
        raise InvalidInput(f"limit must be a whole number from 1 to {limits.LIST_MAX_RUNS}.")
    after = None if cursor is None else _place(cursor)
    found, last = store.newest_conversations(owner, limit=limit, after=after)
    return {"conversations": [_listed(each) for each in found], "nextCursor": encoded_place(*last) if last else None}


def get_conversation(
    owner: Owner,
    conversation_id: str,
    *,
    store: RunStore,
    objects: PrivateObjects,
    now_ms: Callable[[], int] | None = None,
) -> Json:
    """Return the caller's conversation with its messages and runs.

    Args:
        owner: The caller.
        conversation_id: The conversation. An invalid id is treated as unknown.
        store: The records.
        objects: The private objects.
        now_ms: The time, epoch milliseconds; by default the store's.

    Returns:
        `success`; the fields of `list_conversations`; `messages`, oldest first, each with `role` (`user` or
        `assistant`), `text` and, if the user attached files, `attachments`, their names; None if they are no longer
        stored; `messagesOmitted`, the number of older messages that are left out; and `runs`, the turns whose records
        have not expired, newest first. `openRun` is None unless a run is open. For an unknown, expired or deleted
        conversation, `success` is False and `error` has the reason.

    Raises:
        Unavailable: A service did not answer. A retry is safe.
    """
    conversation = _found(store, owner, conversation_id)
    if conversation is None or conversation.deleted:
        return _unknown(conversation_id)
    now = (now_ms or store.now_ms)()
    runs = [
        run
        for run in store.read_heads(list(reversed(conversation.runs)))
        if run.conversation_key == conversation.key  # another run may have reused an expired one's id
    ]
    open_runs = (run.request_id for run in runs if run.request_id == conversation.open_run and not run.status.ended)
    return {
        "success": True,
        "error": None,
        **_listed(conversation),
        "openRun": next(open_runs, None),
        **_messages(conversation, objects),
        "runs": [listed_run(run, now) for run in runs],
    }


def delete_conversation(owner: Owner, conversation_id: str, *, store: RunStore, objects: PrivateObjects) -> Json:
    """Delete the caller's conversation and its saved states. Idempotent. Its runs' records stay until they expire.

    Args:
        owner: The caller.
        conversation_id: The conversation. An invalid id is treated as unknown.
        store: The records.
        objects: The private objects.

    Returns:
        `success`, `conversationId` and `error`. For an unknown or expired conversation, `success` is False.

    Raises:
        Conflict: It has an open run.
        Unavailable: A service did not answer. A retry is safe.
    """
    for _ in range(limits.END_MAX_TRIES):
        conversation = _found(store, owner, conversation_id)
        if conversation is None:
            return _gone(conversation_id)
        try:
            if not conversation.deleted:
                if run := open_run(conversation, store):
                    raise Conflict(
                        f"This conversation has an open run: {run.request_id} is {run.status}. Wait for its end or "
                        "cancel it."
                    )
                store.delete_conversation(conversation)
        except ConversationChanged:
            continue
        # No turn can begin any more, so nothing is saved under this prefix. A retry deletes the rest.
        objects.delete_all(private_key(CONVERSATIONS, owner, conversation.conversation_id, ""))
        return {"success": True, "conversationId": conversation.conversation_id, "error": None}
    raise Unavailable("The conversation kept changing. Try again.")


def _found(store: RunStore, owner: Owner, conversation_id: str) -> Conversation | None:
    try:
        canonical = chosen_id("conversationId", conversation_id)
    except InvalidInput:
        return None
    return store.read_conversation(owner, canonical) if canonical else None


def _listed(conversation: Conversation) -> Json:
    return {
        "conversationId": conversation.conversation_id,
        "agent": conversation.agent,
        "title": conversation.title,
        "lastTurnAt": conversation.last_turn_at_ms,
        "expiresAt": conversation.expires_at_epoch_s * 1000,
        "openRun": conversation.open_run,
    }


def _messages(conversation: Conversation, objects: PrivateObjects) -> Json:
    """Return the messages as the agent's worker has saved them, which has removed secrets and older messages."""
    if conversation.snapshot_key is None:
        return {"messages": [], "messagesOmitted": 0}
    try:
        saved = objects.get(conversation.snapshot_key)
        return {"messages": saved["messages"], "messagesOmitted": saved["messagesOmitted"]}
    except (ObjectGone, KeyError, TypeError, ValueError) as error:
        logger.warning("the messages of conversation %s cannot be read: %s", conversation.conversation_id, error)
        return {"messages": None, "messagesOmitted": None}


def _gone(conversation_id: str) -> Json:
    error = "There is no such conversation, or it has expired."
    return {
        "success": False,
        "conversationId": well_formed(conversation_id[: limits.REQUEST_ID_MAX_CHARACTERS]),
        "error": error,
    }


def _unknown(conversation_id: str) -> Json:
    absent = ("agent", "title", "lastTurnAt", "expiresAt", "openRun", "messages", "messagesOmitted", "runs")
    return {**_gone(conversation_id), **dict.fromkeys(absent)}


def _place(cursor: str) -> tuple[int, str]:
    with suppress(InvalidInput):
        match decoded_place(cursor):
            case [int(last_turn_at_ms), str(conversation_id)] if chosen_id("cursor", conversation_id):
                return last_turn_at_ms, conversation_id
    raise InvalidInput("cursor must be the nextCursor of an earlier answer.")
