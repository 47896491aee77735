"""Answers a waiting run and hands its next part to a worker. The code is the same for GraphQL and REST.

If the invocation of the worker fails, the call still succeeds: the answer is stored, and the sweep invokes a worker for
each part that has not begun.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Collection
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.agents.agent_functions import AgentFunctions
from chalicelib.runtime import logs
from runcast.parameters import checked_answers
from runcast.record.answer import answer
from runcast.record.close import CloseResult
from runcast.record.handover import changed_run_event
from runcast.record.model import Json, Owner, Run
from runcast.record.objects import ANSWERS, PrivateObjects, private_key
from runcast.record.reader import state_of, unreadable
from runcast.record.store import RunStore

logger = logging.getLogger(__name__)


def answer_run(
    owner: Owner,
    request_id: str,
    answers: Any,
    *,
    store: RunStore,
    objects: PrivateObjects,
    functions: AgentFunctions,
    outside: Collection[str],
    admit: Callable[[Owner], None],
    announce: Callable[[CloseResult], None],
    hand_over: Callable[[Json], object],
    now_ms: Callable[[], int] | None = None,
) -> Json:
    """Answer the caller's waiting run and return its state. Repeating the same answers is a no-op.

    Args:
        owner: The caller.
        request_id: The run's id. An invalid id is treated as unknown.
        answers: An object, or its JSON text, with one answer for each open question. Its keys are the questions' ids;
            an answer may be any JSON but null.
        store: The records.
        objects: The private objects.
        functions: The Lambdas of the agents.
        outside: The agents that run in other Lambdas than this application's.
        admit: Raises `TooManyRequests` if the caller has too many runs in progress. Not called for repeated answers.
        announce: Announces the step that this call wrote; must not raise.
        hand_over: Invokes `run_closer`, which reports the change of a job's run to the job; must not raise.
        now_ms: The time, epoch milliseconds; by default the store's.

    Returns:
        `success`, `requestId`, `status`, `liveness`, `error` and `reason`. If the run is unknown, expired or another
        owner's, the same response as from `read_progress`.

    Raises:
        Conflict: The run does not wait for these answers, or it cannot be continued.
        InvalidInput: The answers are not a JSON object of at most 64 KB, or do not match the open questions.
        TooManyRequests: As `admit`.
        Unavailable: A service did not answer, or the run kept changing. A retry is safe.
    """
    logs.about_run(request_id)
    checked = checked_answers(answers)
    text = json.dumps(checked, sort_keys=True)  # the order in which they are sent does not count
    digest = hashlib.sha256(text.encode()).hexdigest()

    def key_of(run: Run, part: int) -> str:
        return private_key(ANSWERS, owner, run.request_id, f"{part}-{digest}")

    def put(key: str) -> None:
        admit(owner)
        objects.put(key, text)

    result = answer(store, owner, request_id, checked, key_of=key_of, put=put, outside=outside, now_ms=now_ms)
    if result is None:
        return unreadable(request_id)
    announce(result)
    run = result.run
    if run.worker is None and not run.status.ended:
        hand_out(run, functions)
        if run.job_id:
            hand_over(changed_run_event(run.request_id, run.owner, run.job_id))
    return state_of(run, (now_ms or store.now_ms)())


def hand_out(run: Run, functions: AgentFunctions) -> None:
    """Invoke the agent for the run's current part. Never raises: after a failure, the sweep invokes it.

    The event of a function that saves its agent's state itself has the key of the answers. This application's agents
    find both by the record.
    """
    if run.snapshot_key is None and run.answers_key is None:
        logger.warning("part %d of run %s is not handed out: its own process has the answers", run.part, run.request_id)
        return
    event = {
        "agent": run.agent,
        "requestId": run.request_id,
        "userId": run.owner.user_id,
        "tenantId": run.owner.tenant_id,
        "jobId": run.job_id,
        "createdAt": run.created_at_ms,
        "part": run.part,
        "try": run.part_tries,
        "awaited": False,
        **({"resume": run.answers_key} if run.snapshot_key is None else {}),
    }
    try:
        functions.invoke(run.agent, event, run.owner)
    except (BotoCoreError, ClientError, KeyError) as error:
        logger.warning("part %d of run %s was not handed out: %s", run.part, run.request_id, error)
