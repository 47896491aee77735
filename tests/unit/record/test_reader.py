import pytest

from runcast import limits
from runcast.record.model import Owner, RunStatus, Step
from runcast.record.reader import liveness, read_progress
from runcast.record.store import End

ALICE = Owner("acme", "alice")
UNKNOWN = "There is no such run, or its record has expired."


def start(store, clock, steps=3, message="", end=None):
    store.create("r1", owner=ALICE, agent="terrain")
    store.claim(
        "r1", worker="w1", owner=ALICE, agent="terrain", job_id=None, lease_until_ms=clock.now_ms + limits.LEASE_MS
    )
    store.append(
        "r1",
        worker="w1",
        expected_seq=0,
        lease_until_ms=clock.now_ms + limits.LEASE_MS,
        steps=[Step("thinking", message, 0.5, clock.now_ms, seq) for seq in range(1, steps + 1)],
        end=end,
    )


def test_the_answer_is_whole(store, clock):
    start(store, clock, steps=1, end=End(RunStatus.COMPLETE, result_json='"flat"'))
    assert read_progress(store, ALICE, "r1", now_ms=clock) == {
        "success": True,
        "requestId": "r1",
        "steps": [
            {
                "type": "progress",
                "step": "thinking",
                "message": "",
                "elapsed": 0.5,
                "timestamp": clock.now_ms,
                "seq": 1,
                "status": "thinking",
                "agentName": "terrain",
            }
        ],
        "status": "complete",
        "createdAt": clock.now_ms,
        "updatedAt": clock.now_ms,
        "error": None,
        "reason": "complete",
        "nextSeq": None,
        "liveness": "done",
        "leaseUntil": clock.now_ms + limits.LEASE_MS,
        "result": '"flat"',
        "conversationId": None,
        "playbook": None,
        "runs": None,
        "resultLink": None,
    }


def test_a_record_from_before_reasons_has_none(store, dynamodb, clock):
    start(store, clock, end=End(RunStatus.ERROR, error="why"))
    assert read_progress(store, ALICE, "r1", now_ms=clock)["reason"] == "agent_failed"
    key = {"requestId": {"S": "r1"}}
    names = {"#reason": "reason"}
    dynamodb.update_item(
        TableName="AgentProgress", Key=key, UpdateExpression="REMOVE #reason", ExpressionAttributeNames=names
    )
    answer = read_progress(store, ALICE, "r1", now_ms=clock)
    assert (answer["success"], answer["status"], answer["reason"]) == (True, "error", None)


def test_a_reason_of_a_later_version_is_passed_on(store, clock):
    start(store, clock, end=End(RunStatus.ERROR, error="why", reason="some_future_reason"))
    assert read_progress(store, ALICE, "r1", now_ms=clock)["reason"] == "some_future_reason"


@pytest.mark.parametrize(
    ("owner", "request_id"),
    [
        (ALICE, "unknown"),
        (ALICE, ""),
        (ALICE, "x" * 3000),
        (Owner("acme", "bob"), "r1"),
        (Owner("globex", "alice"), "r1"),
    ],
)
def test_unknown_and_foreign_runs_read_the_same(store, clock, owner, request_id):
    start(store, clock)
    answer = read_progress(store, owner, request_id, now_ms=clock)
    assert (answer["success"], answer["error"], answer["steps"], answer["status"]) == (False, UNKNOWN, [], None)


def test_an_expired_run_reads_as_unknown(store, clock):
    start(store, clock)
    clock.now_ms += limits.RETENTION_SECONDS * 1000
    assert read_progress(store, ALICE, "r1", now_ms=clock)["error"] == UNKNOWN


def test_a_negative_cursor_is_refused(store, clock):
    assert read_progress(store, ALICE, "r1", -1, now_ms=clock)["error"] == "afterSeq must be 0 or more."


@pytest.mark.parametrize(("after_seq", "seqs"), [(None, [1, 2, 3]), (0, [1, 2, 3]), (2, [3]), (3, []), (99, [])])
def test_only_newer_steps_are_returned(store, clock, after_seq, seqs):
    start(store, clock)
    answer = read_progress(store, ALICE, "r1", after_seq, now_ms=clock)
    assert ([step["seq"] for step in answer["steps"]], answer["nextSeq"]) == (seqs, None)


@pytest.mark.parametrize(("steps", "message"), [(120, ""), (30, "é" * 900)])
def test_a_long_record_is_read_in_pages_without_a_seam(store, clock, steps, message, monkeypatch):
    monkeypatch.setattr(limits, "READ_MAX_BYTES", 16 * 1024)
    monkeypatch.setattr(limits, "READ_MAX_STEPS", 50)
    start(store, clock, steps=steps, message=message)
    seqs, after_seq, answers = [], None, 0
    while True:
        answer = read_progress(store, ALICE, "r1", after_seq, now_ms=clock)
        answers += 1
        seqs += [step["seq"] for step in answer["steps"]]
        after_seq = answer["nextSeq"]
        if after_seq is None:
            break
    assert seqs == list(range(1, steps + 1))
    assert answers > 2


@pytest.mark.parametrize(
    ("later_ms", "reads"), [(0, "live"), (8_000, "live"), (8_001, "late"), (15_000, "late"), (15_001, "lost")]
)
def test_liveness_follows_the_beat(store, clock, later_ms, reads):
    start(store, clock)
    run = store.read("r1")
    assert liveness(run, clock.now_ms + later_ms) == reads


def test_an_ended_run_is_done_for_ever(store, clock):
    start(store, clock, end=End(RunStatus.ERROR, error="why"))
    assert liveness(store.read("r1"), clock.now_ms + 10**9) == "done"


def test_a_run_that_nobody_took_is_lost_after_its_lease(store, clock):
    run = store.create("r1", owner=ALICE, agent="terrain")
    assert liveness(run, clock.now_ms + 150_000) == "late"
    assert liveness(run, clock.now_ms + 150_001) == "lost"
