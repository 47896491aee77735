"""Deletes what is stored of a user: the records of runs and jobs with their pages, conversations, and private objects.

A run that has not ended is cancelled first and deleted once its worker has stopped, because a worker would write to a
deleted record in vain. The code is the same for GraphQL and REST.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress

from chalicelib.lifecycle.conversations import delete_conversation
from chalicelib.orchestrator.job import result_key
from runcast import limits
from runcast.errors import AppendRefused, RunGone
from runcast.record.model import Json, Owner, Run
from runcast.record.objects import CONVERSATIONS, KINDS, UPLOADS, PrivateObjects, owner_prefix, private_key
from runcast.record.store import RunStore

logger = logging.getLogger(__name__)


def delete_runs(
    owner: Owner, *, store: RunStore, objects: PrivateObjects, cancel: Callable[[Owner, str], object]
) -> Json:
    """Delete the owner's newest runs and jobs, at most `DELETE_MAX_RUNS`, and all else once no runs are left.

    The rest are conversations, the journals of tool calls, uploads, and the private objects of runs and conversations
    that have expired, or whose deletion was interrupted. Repeat it until nothing remains.

    Args:
        owner: The caller.
        store: The records.
        objects: The private objects.
        cancel: Cancels a run or a job of the owner, by its id.

    Returns:
        `deleted`, the number of deleted runs, jobs and conversations, and `remaining`: whether there may be more, or
        some whose worker has not stopped yet. A run that was started in the last seconds may be missed.

    Raises:
        Conflict: A run of a conversation was started meanwhile. Repeating the call is safe.
        Unavailable: A service did not answer. Repeating the call is safe.
    """
    store.learn_time()  # on a clock that is wrong, new objects would be deleted, or old ones kept
    began_ms = store.now_ms()
    request_ids, after = store.newest_ids(owner, limit=limits.DELETE_MAX_RUNS, after=None)
    deleted, stopping = 0, False
    for request_id in request_ids:
        run = store.read(request_id)
        if run and run.owner == owner and not run.status.ended:
            cancel(owner, request_id)
            run = store.read(request_id)
        if run is None or run.owner != owner:  # the index lags
            continue
        if not run.status.ended:
            stopping = True
            continue
        for prefix in _prefixes(run):
            objects.delete_all(prefix)
        with suppress(AppendRefused, RunGone):
            store.delete(run)
            deleted += 1
    remaining = stopping or after is not None
    if not remaining:
        conversations, after = store.newest_conversations(owner, limit=limits.DELETE_MAX_RUNS, after=None)
        for conversation in conversations:
            delete_conversation(owner, conversation.conversation_id, store=store, objects=objects)
        deleted, remaining = deleted + len(conversations), after is not None
    if not remaining:
        store.delete_calls(owner)
        for kind in (*KINDS, CONVERSATIONS, UPLOADS):
            objects.delete_all(owner_prefix(kind, owner), until_ms=began_ms)
    logger.info("%d runs and conversations of a user were deleted", deleted)
    return {"deleted": deleted, "remaining": remaining}


def _prefixes(run: Run) -> list[str]:
    """Return the prefixes of the keys of all objects of a run or a job."""
    private = [private_key(kind, run.owner, run.request_id, "") for kind in KINDS]
    return [*private, result_key(run.request_id)] if run.result_key else private
