"""A conversation: runs of one agent for one user, each of which begins with the state in which the last one ended.

Its item is in the table of records. Its key contains a hash of the owner, so no user can reach, or even notice, another
user's conversation. `turns` writes it, always together with the record of the turn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runcast.record.conditions import equal_or_absent
from runcast.record.items import Item, from_item, to_item
from runcast.record.model import Owner, conversation_key


@dataclass(frozen=True)
class Conversation:
    """A conversation as it was read.

    Attributes:
        owner: The owner.
        conversation_id: Its id, a UUID that the owner chose.
        agent: The agent of all its turns.
        title: The beginning of the first query, without secrets.
        last_turn_at_ms: When its newest turn began, epoch milliseconds.
        kept_seconds: How long it is kept after its state is saved.
        expires_at_epoch_s: When it expires.
        snapshot_key: Names the object with the agent's newest saved state; None before the first turn has ended.
        open_run: The run of its newest turn, until that has ended.
        runs: The newest runs, oldest first, at most `CONVERSATION_MAX_RUNS`. Their records may have expired.
        deleted: Whether its owner has deleted it. The item is then kept for a day without content, so that its
            id is not used again while its objects are removed.
    """

    owner: Owner
    conversation_id: str
    agent: str
    title: str
    last_turn_at_ms: int
    kept_seconds: int
    expires_at_epoch_s: int
    snapshot_key: str | None = None
    open_run: str | None = None
    runs: tuple[str, ...] = ()
    deleted: bool = False

    @property
    def key(self) -> str:
        """The key of its item."""
        return conversation_key(self.owner, self.conversation_id)


def listed_under(owner: Owner) -> str:
    """Return the owner under whom the index of runs by owner lists conversations, apart from the runs."""
    return f"{owner.key}#conversations"


def conversation_of(owner: Owner, item: Item) -> Conversation:
    """Rebuild an owner's conversation from its item."""
    stored = from_item(item)
    return Conversation(
        owner=owner,
        conversation_id=stored["conversationId"],
        agent=stored["agent"],
        title=stored["title"],
        last_turn_at_ms=int(stored["createdAt"]),
        kept_seconds=int(stored["keptSeconds"]),
        expires_at_epoch_s=int(stored["expiresAt"]),
        snapshot_key=stored.get("snapshotKey"),
        open_run=stored.get("openRun"),
        runs=tuple(stored["runs"]),
        deleted=stored.get("deleted", False),
    )


def conversation_item(conversation: Conversation) -> Item:
    """Return the item of a conversation. Its `owner` and `createdAt` are the keys of the index that lists it."""
    return to_item(
        {
            "requestId": conversation.key,
            "owner": None if conversation.deleted else listed_under(conversation.owner),
            "createdAt": conversation.last_turn_at_ms,
            "conversationId": conversation.conversation_id,
            "agent": conversation.agent,
            "title": conversation.title,
            "keptSeconds": conversation.kept_seconds,
            "expiresAt": conversation.expires_at_epoch_s,
            "snapshotKey": conversation.snapshot_key,
            "openRun": conversation.open_run,
            "runs": list(conversation.runs),
            "deleted": conversation.deleted or None,
        }
    )


def unchanged(conversation: Conversation) -> tuple[str, dict[str, Any]]:
    """Return the condition, with its values, that a conversation is as it was read, and is not deleted.

    Each turn sets `openRun` when it begins and removes it when it ends. No two saved states have the same key.
    """
    return equal_or_absent(
        {
            "createdAt": conversation.last_turn_at_ms,
            "openRun": conversation.open_run,
            "snapshotKey": conversation.snapshot_key,
            "deleted": None,
        }
    )
