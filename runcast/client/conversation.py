"""A user's conversations, as lists have them and with their messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from runcast.client.listed import ListedRun


@dataclass(frozen=True)
class ListedConversation:
    """One conversation of a list.

    Attributes:
        conversation_id: Its id.
        agent: The agent of all its runs.
        title: The beginning of its first query, without secrets.
        last_turn_at_ms: When its newest run was started (epoch ms).
        expires_at_ms: When it expires (epoch ms).
        open_run: The id of the run that is open; None if a new one can be started.
    """

    conversation_id: str
    agent: str
    title: str
    last_turn_at_ms: int
    expires_at_ms: int
    open_run: str | None

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any]) -> Self:
        """Convert a GraphQL `Conversation`."""
        return cls(**_listed(answer))


@dataclass(frozen=True)
class Message:
    """A message of a conversation, without secrets.

    Attributes:
        role: `user` or `assistant`.
        text: What was said.
        attachments: The names of the user's files.
    """

    role: str
    text: str
    attachments: tuple[str, ...] = ()

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any]) -> Self:
        """Convert a GraphQL `ConversationMessage`."""
        return cls(answer["role"], answer["text"], tuple(answer["attachments"] or ()))


@dataclass(frozen=True)
class Conversation(ListedConversation):
    """A conversation with its messages and runs.

    Attributes:
        messages: What was said up to the end of the last complete run, oldest first; None if it is no longer stored.
        messages_omitted: How many older messages are left out.
        runs: Its newest runs whose records have not expired, newest first.
    """

    messages: tuple[Message, ...] | None
    messages_omitted: int
    runs: tuple[ListedRun, ...]

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any]) -> Self:
        """Convert a successful GraphQL `ConversationContent`."""
        messages = answer["messages"]
        return cls(
            **_listed(answer),
            messages=None if messages is None else tuple(map(Message.from_answer, messages)),
            messages_omitted=answer["messagesOmitted"] or 0,
            runs=tuple(ListedRun.from_answer(run) for run in answer["runs"]),
        )


def _listed(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "conversation_id": answer["conversationId"],
        "agent": answer["agent"],
        "title": answer["title"],
        "last_turn_at_ms": int(answer["lastTurnAt"]),
        "expires_at_ms": int(answer["expiresAt"]),
        "open_run": answer["openRun"],
    }
