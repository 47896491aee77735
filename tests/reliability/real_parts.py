"""Real runs that take more than one process: an answered run, and the turns of a conversation.

The first process has no faults, so that there is something to continue. What continues it meets them.
"""

from __future__ import annotations

import json
import random
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runcast import limits
from runcast.errors import ConversationChanged
from runcast.record.answer import answer, questions_of
from runcast.record.close import close_dead, worker_died
from runcast.record.conversation import Conversation
from runcast.record.model import Run, RunStatus
from tests.fakes.fault_proxy import FaultProxy
from tests.fakes.objects_in_files import ObjectsInFiles
from tests.fakes.scripted_model import Call, Say
from tests.reliability.promises import broken
from tests.reliability.worker_process import AGENT, PATIENT_CLAIM_SECONDS

if TYPE_CHECKING:
    from tests.reliability.real_runs import RealRuns


def answered(runs: RealRuns, request_id: str, proxy: FaultProxy, dice: random.Random) -> None:
    """The part after an answer is delivered twice, and one of its workers may die: its tool runs once at most."""
    with _bucket() as bucket:
        objects, about = ObjectsInFiles(bucket), {"objects_in": str(bucket)}
        patient = {"claim_wait_seconds": PATIENT_CLAIM_SECONDS}  # an unrecorded run cannot be answered
        with runs.worker(request_id, runs.url, script=(Call("ask"),), **about, **patient) as asking:
            runs.answer_of(asking)
        waiting = runs.store.read(request_id)
        if waiting is None or waiting.status is not RunStatus.WAITING:
            broken("lost", f"{request_id} has asked, and reads {waiting}")
        answers = {each["id"]: "yes" for each in questions_of(waiting)}

        def put(key: str) -> None:
            objects.put(key, json.dumps(answers))

        for _ in range(2):  # the same answers again change nothing
            answer(runs.store, waiting.owner, request_id, answers, key_of=_answers_key, put=put)
        part = {**about, "script": (Say("{tool_result}"),), "part": (waiting.part + 1, 1)}
        killed_at = dice.choice((None, None, waiting.seq + 2, waiting.seq + 3))
        dies = {"killed_at": killed_at, "killed_after": dice.random() < 0.5}
        with (
            runs.worker(request_id, proxy.url, invocation="second", **part, **dies) as second,
            runs.worker(request_id, proxy.url, invocation="third", **part) as third,
        ):
            for worker in (second, third):
                runs.finish(worker)
            calls = second.calls + third.calls
        calls += _ended(runs, request_id, part)
        run, steps = runs.checked(request_id)
        if run is None or not run.status.ended:
            broken("hung", f"{request_id} was answered, and reads {run}")
        if calls > 1 or [step.step for step in steps].count("answered") != 1:
            broken("repeated", f"{request_id} was answered, and its tool was called {calls} times")
        may_die = (killed_at is not None or proxy.faults) and worker_died(run)
        if not may_die and (run.status, run.result_json, calls) != (RunStatus.COMPLETE, '"bought: yes"', 1):
            broken("lost", f"{request_id} was answered, called {calls} tools, and came to {run}")


def _ended(runs: RealRuns, request_id: str, about: Mapping[str, Any]) -> int:
    """Do what Lambda's reports lead to, until the run has ended; return how many tools were called."""
    calls = 0
    for _ in range(limits.PART_MAX_TRIES + 1):
        run = runs.store.read(request_id)
        if run is None or run.status.ended:
            break
        invocation = (run.worker or "none/").partition("/")[0]
        result = close_dead(runs.store, request_id, invocation=invocation, part=(run.part, run.part_tries))
        if result and result.hand_out:
            told = {**about, "part": (result.run.part, result.run.part_tries)}
            again = f"again-{result.run.part_tries}"
            with runs.worker(request_id, runs.url, invocation=again, **told) as worker:
                runs.finish(worker)
                calls += worker.calls
    return calls


def talked(runs: RealRuns, request_id: str, proxy: FaultProxy, dice: random.Random) -> None:
    """The second turn of a conversation meets the faults: any end of it ends the turn, and the third one follows."""
    chat = str(uuid.UUID(int=dice.getrandbits(128), version=4))
    with _bucket() as bucket:
        objects = ObjectsInFiles(bucket)

        def turn(number: int, url: str, **about: Any) -> tuple[Conversation, Run]:
            before = runs.store.read_conversation(runs.owner, chat)
            turn_id, query = f"{request_id}-{number}", f"query {number}"
            begun = {"owner": runs.owner, "agent": AGENT, "conversation_id": chat, "before": before, "query": query}
            key = before.snapshot_key if before else None
            runs.store.create_turn(turn_id, **begun, snapshot_key=key)
            with suppress(ConversationChanged):
                runs.store.create_turn(f"{turn_id}-rival", **begun, snapshot_key=key)
                broken("repeated", f"{chat} has two open runs")
            told = {"objects_in": str(bucket), "conversation_id": chat, "query": query, "script": (Say("said"),)}
            with runs.worker(turn_id, url, **told, **about) as worker:
                runs.finish(worker)
            _ended(runs, turn_id, told)
            run, _ = runs.checked(turn_id)
            after = runs.store.read_conversation(runs.owner, chat)
            if run is None or not run.status.ended or after is None or after.open_run:
                broken("hung", f"{turn_id} reads {run}, and its conversation {after}")
            return after, run

        def heard(conversation: Conversation) -> list[str]:
            messages = objects.get(conversation.snapshot_key or "")["messages"]
            return [message["text"] for message in messages if message["role"] == "user"]

        patient = {"claim_wait_seconds": PATIENT_CLAIM_SECONDS}
        first, _ = turn(1, runs.url, **patient)
        killed_at = dice.choice((None, None, 1, 2, 4))
        second, run = turn(2, proxy.url, killed_at=killed_at, killed_after=dice.random() < 0.5)
        saved = run.status is RunStatus.COMPLETE and run.turn_snapshot_key is not None
        if second.snapshot_key != (run.turn_snapshot_key if saved else first.snapshot_key):
            broken("lost", f"{chat} has another state than that of its last complete run: {second}, {run}")
        if run.status is not RunStatus.COMPLETE and killed_at is None and not proxy.faults:
            broken("changed", f"{run.request_id} came to {run}")
        third, run = turn(3, runs.url, **patient)
        expected = ["query 1", *(["query 2"] if saved else []), "query 3"]
        if run.status is not RunStatus.COMPLETE or heard(third) != expected:
            broken("lost", f"{chat} has heard {heard(third)} instead of {expected}")


def _answers_key(run: Run, part: int) -> str:
    return f"answers/{run.request_id}/{part}"


@contextmanager
def _bucket() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)
