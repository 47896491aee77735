"""Answers a waiting run: exactly once, and only for its owner.

The answers are stored as an object first. Then one conditional write puts the object's key into the record and begins
the run's next part. An answer, a cancel and an expiry use the same condition, so exactly one of them succeeds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable

from runcast import limits
from runcast.errors import Conflict, InvalidInput
from runcast.json_text import object_text
from runcast.record.close import CloseResult, decide_until_written
from runcast.record.message import step_update
from runcast.record.model import ANSWERED, Json, Owner, Run, RunStatus, Step
from runcast.record.store import RunStore
from runcast.text import shortened

# The questions are at most as large as in the step `waiting`, which has their reasons, too.
_ANSWERED_MAX_BYTES = limits.METADATA_MAX_BYTES + limits.QUESTIONS_MAX_BYTES


def answer(
    store: RunStore,
    owner: Owner,
    request_id: str,
    answers: Json,
    *,
    key_of: Callable[[Run, int], str],
    put: Callable[[str], None],
    outside: Collection[str] = (),
    now_ms: Callable[[], int] | None = None,
) -> CloseResult | None:
    """Answer all open questions of the caller's run, and begin its next part.

    Repeating a call with the same answers is a no-op and succeeds.

    Args:
        store: The table.
        owner: The caller.
        request_id: The run's id.
        answers: From `runcast.parameters.checked_answers`.
        key_of: Returns the key of the object with the answers, from the run and the number of the part that asked. The
            same run, part and answers must give the same key.
        put: Stores the answers under a key. Its exceptions propagate.
        outside: The agents in other functions, which save their own state and read the answers themselves.
        now_ms: The time, epoch milliseconds; by default the store's.

    Returns:
        The current run, which is unclaimed until a worker takes its next part. None if the run is unknown, expired or
        another owner's.

    Raises:
        Conflict: The run does not wait for these answers, or it cannot be continued.
        InvalidInput: The id of a question is unknown, or an answer is missing; the message names it.
        StoreUnavailable: DynamoDB did not answer; a retry is safe.
        Unavailable: The run kept changing; a retry is safe.
    """

    def decide(run: Run) -> CloseResult | None:
        if run.owner != owner:
            return None
        asked = {each["id"] for each in questions_of(run)} if run.status is RunStatus.WAITING else set()
        if answers.keys() != asked and run.answers_key in [key_of(run, part) for part in range(1, run.part)]:
            return CloseResult(run)  # the same answers again; the run may have continued in more parts since
        now = (now_ms or store.now_ms)()
        _require_waiting(run, now, outside)
        step = answered_step(run, answers.keys(), now)
        key = key_of(run, run.part)
        put(key)
        return CloseResult(
            store.begin_next_part(run, step, key),
            step_update(run.owner, step, request_id=run.request_id, job_id=run.job_id, agent=run.agent),
        )

    return decide_until_written(store, request_id, decide)


def questions_of(run: Run) -> list[Json]:
    """Return the open questions of a waiting run, each with its `id` and `name`."""
    asked = json.loads(run.steps[-1].metadata_json or "{}").get("interrupts") if run.steps else None
    return [each for each in asked if isinstance(each, dict) and "id" in each] if isinstance(asked, list) else []


def questions_of_part(part: int, asked: Iterable[Json]) -> list[Json]:
    """Return an agent's questions with ids that no other part of its run uses, for people.

    Strands may give the same id to a question that it asks again, for example from a hook. A client that repeats its
    answer to the earlier question must not answer the later one.
    """
    return [{**each, "id": f"{part}:{each['id']}"} for each in asked]


def id_in_agent(question_id: str) -> str:
    """Return the agent's own id of a question, from its id in `questions_of_part`."""
    return question_id.partition(":")[2]


def _require_waiting(run: Run, now_ms: int, outside: Collection[str]) -> None:
    if run.status is not RunStatus.WAITING:
        state = f"it is {run.status}" if run.answers_key is None else f"it was answered, and is {run.status}"
        raise Conflict(f"This run does not wait for an answer: {state}.")
    if now_ms > run.lease_until_ms:
        raise Conflict("This run waited for an answer, and its time is over.")
    if run.snapshot_key is None and run.agent not in outside:
        raise Conflict("This run cannot be continued from here. Answer it where its agent runs.")


def answered_step(run: Run, answered: Collection[str], now_ms: int) -> Step:
    """Return the step that records an answer.

    Args:
        run: The waiting run.
        answered: The ids of the questions that have an answer.
        now_ms: The time, epoch milliseconds.

    Raises:
        InvalidInput: A question is unknown or has no answer.
    """
    asked = {each["id"]: each.get("name") for each in questions_of(run)}
    if unknown := set(answered) - asked.keys():
        named = shortened(min(unknown), limits.NAME_MAX_CHARACTERS)
        raise InvalidInput(f"answers has {named!r}, which is no open question of this run.")
    if missing := asked.keys() - set(answered):
        named = shortened(min(missing), limits.NAME_MAX_CHARACTERS)
        raise InvalidInput(f"answers lacks {named!r}. Answer all open questions at once.")
    questions = [{"id": each, "name": name} for each, name in asked.items()]
    text = object_text({"answeredBy": run.owner.user_id, "questions": questions}, _ANSWERED_MAX_BYTES)
    return run.next_step(ANSWERED, "Answered", now_ms, metadata_json=text)
