"""Begins the next turn of a conversation: the run that a start with `conversationId` or `branchFrom` asks for.

The conversation is read first, to name what prevents the turn. The write is conditional on what was read, so of two
starts at the same time one begins a turn, and the other one gets the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from runcast import limits
from runcast.errors import (
    Conflict,
    ConversationChanged,
    InvalidInput,
    ObjectGone,
    RunExists,
    Unavailable,
    WriteConflict,
)
from runcast.record.conversation import Conversation
from runcast.record.ids import chosen_id, requested_id
from runcast.record.model import Owner, Run, RunStatus
from runcast.record.objects import CONVERSATIONS, PrivateObjects, private_key
from runcast.record.store import RunStore


@dataclass(frozen=True)
class TurnRequest:
    """The conversation that a start names.

    Attributes:
        conversation_id: The conversation; None for a new one with the run's id.
        branch_from: The run with whose state a new conversation begins; None to continue `conversation_id`.
    """

    conversation_id: str | None
    branch_from: str | None


def turn_request(given: Mapping[str, Any], agent: str, remembered: Collection[str]) -> TurnRequest | None:
    """Validate `conversationId` and `branchFrom`; return None if the start has neither.

    Args:
        given: The fields as received.
        agent: The agent to start.
        remembered: The agents whose state is saved.

    Raises:
        InvalidInput: A field is invalid, or the agent's state is not saved.
    """
    conversation_id = chosen_id("conversationId", given.get("conversationId"))
    branch_from = given.get("branchFrom")
    if conversation_id is None and branch_from is None:
        return None
    if agent not in remembered:
        raise InvalidInput(
            f"The agent {agent} runs in a function that keeps no conversations: leave out conversationId and "
            "branchFrom."
        )
    if branch_from is not None and (
        not isinstance(branch_from, str) or requested_id(branch_from, "branchFrom") is None
    ):
        raise InvalidInput(_UNKNOWN_RUN)
    return TurnRequest(conversation_id, branch_from)


def begin_turn(
    turn: TurnRequest,
    request_id: str,
    owner: Owner,
    *,
    agent: str,
    query: str,
    input_digest: str,
    store: RunStore,
    objects: PrivateObjects,
    new_id: Callable[[], object],
) -> Run:
    """Put the record of the run, and mark its conversation with it.

    Raises:
        Conflict: The conversation has an open run, is with another agent, was deleted, or cannot be new.
        InvalidInput: `branchFrom` names no run of the owner from whose state a conversation can begin.
        RunExists: The id is taken by a record that has not expired.
        Unavailable: A service did not answer, or the conversation kept changing. A retry is safe.
    """
    conversation_id = turn.conversation_id or request_id
    branch_key = None
    for _ in range(limits.END_MAX_TRIES):
        before = store.read_conversation(owner, conversation_id)
        if before is not None:
            _require_ready(before, turn, agent, request_id, store)
        elif turn.branch_from and branch_key is None:
            key = private_key(CONVERSATIONS, owner, conversation_id, str(new_id()))
            branch_key = _branched(turn.branch_from, key, owner, agent, store, objects)
        try:
            return store.create_turn(
                request_id,
                owner=owner,
                agent=agent,
                conversation_id=conversation_id,
                before=before,
                snapshot_key=before.snapshot_key if before else branch_key,
                query=query,
                input_digest=input_digest,
            )
        except (ConversationChanged, WriteConflict):
            continue
    raise Unavailable("The conversation kept changing. Try again with the same requestId.")


_UNKNOWN_RUN = "branchFrom must be the requestId of a run of yours whose record has not expired."


def _require_ready(conversation: Conversation, turn: TurnRequest, agent: str, request_id: str, store: RunStore) -> None:
    run = open_run(conversation, store)
    if run and run.request_id == request_id:  # the same start at the same time
        raise RunExists(f"There is a run {request_id} already.", run)
    if conversation.deleted:
        raise Conflict("This conversation was deleted. Choose another conversationId.")
    if turn.branch_from:
        raise Conflict("branchFrom starts a new conversation, and this one exists. Choose another conversationId.")
    if conversation.agent != agent:
        raise Conflict(
            f"This conversation is with the agent {conversation.agent}. Name that agent, or start another conversation."
        )
    if run:
        raise Conflict(
            f"This conversation has an open run: {run.request_id} is {run.status}. Wait for its end, answer it or "
            "cancel it."
        )


def open_run(conversation: Conversation, store: RunStore) -> Run | None:
    """Return the record of a conversation's open run; None if it has none, or that run has ended or expired."""
    run = store.read(conversation.open_run) if conversation.open_run else None
    if run is None or run.conversation_key != conversation.key or run.status.ended:
        return None
    return run


def _branched(branch_from: str, key: str, owner: Owner, agent: str, store: RunStore, objects: PrivateObjects) -> str:
    """Copy a run's saved state for a new conversation, which must outlive the run's own one; return the key."""
    run = store.read(requested_id(branch_from) or "")
    if run is None or run.owner != owner:
        raise InvalidInput(_UNKNOWN_RUN)
    if run.agent != agent:
        raise InvalidInput(f"branchFrom is a run of the agent {run.agent}: name that agent.")
    if run.status is not RunStatus.COMPLETE or run.turn_snapshot_key is None:
        raise InvalidInput("branchFrom must be a complete run of a conversation, whose state was saved.")
    try:
        objects.copy(run.turn_snapshot_key, key)
    except ObjectGone as error:
        raise InvalidInput("The state of the run that branchFrom names is no longer stored.") from error
    return key
