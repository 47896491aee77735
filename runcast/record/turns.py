"""Begins and ends the turns of conversations: the only place that writes a record and its conversation together.

A turn is one run. The transaction that creates its record marks the conversation with the open run, so a conversation
has one open run at most. The transaction that ends the record removes the mark and, if the agent's state was saved,
names it. Every end of a run is written here, so it makes no difference who ends it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from runcast import limits
from runcast.errors import ConversationChanged
from runcast.record.conditions import EXPIRED, NOT_EXPIRED
from runcast.record.conversation import (
    Conversation,
    conversation_item,
    conversation_of,
    listed_under,
    unchanged,
)
from runcast.record.items import Item, run_of
from runcast.record.model import Owner, Run, conversation_key
from runcast.record.next_part import RecordParts
from runcast.record.reads import OWNER_INDEX
from runcast.record.refusals import Check, Refusal, of_record
from runcast.record.table import Table, Write, sets_of
from runcast.redaction import clean_text

_READ = (
    *("requestId", "createdAt", "conversationId", "agent", "title", "keptSeconds", "expiresAt", "snapshotKey"),
    *("openRun", "runs", "deleted"),
)


class RecordTurns(RecordParts):
    """Reads and writes conversations, and the ends of all runs.

    Args:
        table: The table.
        now_ms: The time in epoch milliseconds.
        retention_seconds: How long a record is kept, from its creation.
        question_retention_seconds: How long a run that begins to wait is kept, from then on.
        conversation_retention_seconds: How long a conversation is kept, from the last time its state was saved.
    """

    def __init__(
        self,
        table: Table,
        now_ms: Callable[[], int],
        retention_seconds: int,
        question_retention_seconds: int,
        conversation_retention_seconds: int,
    ) -> None:
        super().__init__(table, now_ms, retention_seconds, question_retention_seconds)
        self._kept_seconds = conversation_retention_seconds

    def create_turn(
        self,
        request_id: str,
        *,
        owner: Owner,
        agent: str,
        conversation_id: str,
        before: Conversation | None,
        snapshot_key: str | None,
        query: str,
        input_digest: str | None = None,
    ) -> Run:
        """Put the record of an unclaimed run that is the next turn of a conversation.

        Args:
            request_id: The run's id.
            owner: The owner of both.
            agent: The agent's name.
            conversation_id: The conversation.
            before: The conversation as it was read; None if this turn is its first.
            snapshot_key: Names the state from which the agent begins; None if it has none.
            query: The user's query.
            input_digest: The digest of the input, which identifies the private object with it.

        Returns:
            The new record, with a lease of `QUEUED_LEASE_MS`.

        Raises:
            RunExists: The id is taken by a record that has not expired.
            ConversationChanged: The conversation has changed since it was read.
            WriteConflict: Another transaction was writing one of the items; nothing was written.
        """
        shown = clean_text(query, "query", limits.LISTED_QUERY_MAX_CHARACTERS)
        more = {
            "query": shown,
            "input": input_digest,
            "conversationId": conversation_id,
            "turnSnapshotKey": snapshot_key,
        }
        item, free = self._queued(request_id, owner, agent, None, more)
        run = run_of(item)
        kept_until_s = run.created_at_ms // 1000 + self._kept_seconds
        earlier = before or Conversation(owner, conversation_id, agent, shown, 0, 0, kept_until_s)
        # A client may use an id again after its record has expired.
        runs = (*(each for each in earlier.runs if each != request_id), request_id)
        conversation = replace(
            earlier,
            last_turn_at_ms=run.created_at_ms,
            kept_seconds=self._kept_seconds,
            expires_at_epoch_s=max(earlier.expires_at_epoch_s, run.pages_expire_at_epoch_s),
            snapshot_key=snapshot_key,
            open_run=request_id,
            runs=runs[-limits.CONVERSATION_MAX_RUNS :],
        )
        self._table.transact(Write(free, item), self._put(conversation, before))
        return run

    def read_conversation(self, owner: Owner, conversation_id: str) -> Conversation | None:
        """Return an owner's conversation, read consistently; None if it does not exist or has expired."""
        item = self._table.get(conversation_key(owner, conversation_id))
        return None if item is None else self._unless_over(conversation_of(owner, item))

    def newest_conversations(
        self, owner: Owner, *, limit: int, after: tuple[int, str] | None
    ) -> tuple[list[Conversation], tuple[int, str] | None]:
        """Return an owner's conversations, that with the newest turn first. A new turn may still be missing.

        Args:
            owner: The owner.
            limit: The maximum number of conversations.
            after: Time of the newest turn and id of the last conversation of the previous page.

        Returns:
            The conversations that are neither expired nor deleted, and the `after` of the next page, None when
            there are no more.
        """
        start = None
        if after:
            start = {
                "owner": listed_under(owner),
                "createdAt": after[0],
                "requestId": conversation_key(owner, after[1]),
            }
        keys, last = self._table.query_newest(OWNER_INDEX, listed_under(owner), limit, start)
        items = self._table.get_many(keys, _READ) if keys else {}
        found = [conversation_of(owner, items[key]) for key in keys if key in items]
        listed = [each for each in found if self._unless_over(each) and not each.deleted]
        return listed, (int(last["createdAt"]), str(last["requestId"]).rpartition("#")[2]) if last else None

    def delete_conversation(self, before: Conversation) -> None:
        """Delete the content of a conversation if it has not changed since it was read.

        Raises:
            ConversationChanged: It has changed, or was deleted.
        """
        until_s = self.now_ms() // 1000 + limits.RETENTION_SECONDS
        deleted = replace(
            before, title="", expires_at_epoch_s=until_s, snapshot_key=None, open_run=None, runs=(), deleted=True
        )
        self._table.put_if(conversation_item(deleted), self._put(deleted, before).check)

    def _put(self, conversation: Conversation, before: Conversation | None) -> Write:
        """Return the write that puts a conversation if it has not changed since it was read, or does not exist yet."""
        condition, values = unchanged(before) if before else (EXPIRED, {})
        if before:
            condition += f" AND {NOT_EXPIRED}"
        check = Check(conversation.key, condition, {**values, "now_s": self.now_ms() // 1000}, _changed)
        return Write(check, conversation_item(conversation))

    def _end_run(
        self,
        request_id: str,
        sets: Sequence[str],
        condition: str,
        values: Mapping[str, Any],
        refusal: Refusal,
        *,
        conversation_key: str | None,
        snapshot_key: str | None,
    ) -> None:
        """Write the end of a run and, if it is the open run of a conversation, of the conversation's turn.

        The conversation cannot prevent the end: if it does not name this run, which it never will again, the record is
        written alone.
        """
        removes = ["#openSince", "#openTenant", *([] if snapshot_key else ["#turnSnapshotKey"])]
        if conversation_key is not None:
            now_ms = self.now_ms()
            turn: dict[str, Any] = {"updatedAt": now_ms, **({"snapshotKey": snapshot_key} if snapshot_key else {})}
            turn_sets = sets_of(turn)
            if snapshot_key:
                turn_sets.append("#expiresAt = :now_s + #keptSeconds")
                turn["now_s"] = now_ms // 1000
            record = Check(request_id, condition, values, of_record(refusal))
            is_open = Check(conversation_key, "#openRun = :run", {**turn, "run": request_id}, _changed)
            with suppress(ConversationChanged):
                self._table.transact(
                    Write(record, sets=sets, removes=removes),
                    Write(is_open, sets=turn_sets, removes=["#openRun"]),
                )
                return
        self._table.update(request_id, sets, condition, values, refusal, removes=removes)

    def _unless_over(self, conversation: Conversation) -> Conversation | None:
        return conversation if conversation.expires_at_epoch_s * 1000 > self.now_ms() else None


def _changed(_: Item | None) -> ConversationChanged:
    return ConversationChanged("The conversation has changed since it was read.")
