import base64
import json

import pytest

from runcast import limits
from runcast.errors import InvalidInput, StoreUnavailable
from runcast.record.close import close_unclaimed
from runcast.record.listing import list_runs
from runcast.record.model import Owner, RunStatus
from runcast.record.recorder import Recorder
from tests.fakes.secrets import SECRETS
from tests.unit.record.recording import ALICE

BOB = Owner("acme", "bob")


def create(store, clock, *ids, owner=ALICE):
    for request_id in ids:
        store.create(request_id, owner=owner, agent="terrain")
        clock.now_ms += 1_000


def ids(answer):
    return [run["requestId"] for run in answer["runs"]]


def test_ones_own_runs_newest_first_in_pages(store, clock):
    create(store, clock, "r1", "r2", "r3")
    create(store, clock, "b1", owner=BOB)
    create(store, clock, "r4", "r5")
    first = list_runs(store, ALICE, limit=2, now_ms=clock)
    second = list_runs(store, ALICE, limit=2, cursor=first["nextCursor"], now_ms=clock)
    third = list_runs(store, ALICE, limit=2, cursor=second["nextCursor"], now_ms=clock)
    assert [ids(first), ids(second), ids(third)] == [["r5", "r4"], ["r3", "r2"], ["r1"]]
    assert third["nextCursor"] is None


def test_each_stands_as_it_reads(store, clock):
    created = clock.now_ms
    recorder = Recorder(store, request_id="r1", owner=ALICE, agent="terrain", worker="w", job_id="j1", now_ms=clock)
    recorder.claim()
    recorder.end(RunStatus.ERROR, "Failed", error="why", result="x" * 1_000)
    assert list_runs(store, ALICE, now_ms=clock) == {
        "runs": [
            {
                "requestId": "r1", "agent": "terrain", "jobId": "j1", "playbook": None, "conversationId": None,
                "query": None,
                "status": "error",
                "liveness": "done", "seq": 1,
                "createdAt": created, "updatedAt": created, "leaseUntil": created + limits.LEASE_MS,
                "error": "why", "reason": "agent_failed",
            }
        ],
        "nextCursor": None,
    }  # fmt: skip


def test_a_run_whose_worker_is_gone_is_listed_as_lost(store, clock):
    create(store, clock, "r1")
    clock.now_ms += limits.QUEUED_LEASE_MS
    assert list_runs(store, ALICE, now_ms=clock)["runs"][0]["liveness"] == "lost"


def test_expired_runs_and_pages_are_not_listed(store, clock, monkeypatch):
    monkeypatch.setattr(limits, "PAGE_MAX_BYTES", 512)
    create(store, clock, "old")
    clock.now_ms += limits.RETENTION_SECONDS * 1000 - 500
    recorder = Recorder(store, request_id="r1", owner=ALICE, agent="terrain", worker="w", now_ms=clock)
    for _ in range(9):
        recorder.record("thinking")
    recorder.claim()
    recorder.end(RunStatus.COMPLETE, "Done")
    assert store.read("r1").pages
    assert ids(list_runs(store, ALICE, now_ms=clock)) == ["r1"]


def test_a_run_that_the_index_still_names_is_not_listed_once_it_is_somebody_elses(store, clock, monkeypatch):
    create(store, clock, "r1", owner=BOB)
    monkeypatch.setattr(store, "newest_ids", lambda *_, **__: (["r1", "gone"], None))
    assert list_runs(store, ALICE, now_ms=clock) == {"runs": [], "nextCursor": None}


def test_anothers_cursor_shows_nothing_of_theirs(store, clock):
    create(store, clock, "r1", "r2")
    create(store, clock, "b1", "b2", "b3", owner=BOB)
    foreign = list_runs(store, BOB, limit=1, now_ms=clock)["nextCursor"]
    assert ids(list_runs(store, ALICE, cursor=foreign, now_ms=clock)) == ["r2", "r1"]


def test_the_beginning_of_the_query_is_listed_without_secrets(store, clock):
    key = SECRETS["AWS access key"]
    store.create("r1", owner=ALICE, agent="terrain", query=f"Use {key} here. {'x' * 10_000}")
    store.create("r2", owner=ALICE, agent="terrain")
    queries = {run["requestId"]: run["query"] for run in list_runs(store, ALICE, now_ms=clock)["runs"]}
    assert queries["r2"] is None
    assert queries["r1"].startswith("Use [redacted] here. xxx")
    assert queries["r1"].endswith("… [shortened from 10021 characters]")
    assert len(queries["r1"]) == 200


@pytest.mark.parametrize("limit", [0, -1, 51])
def test_a_limit_that_does_not_fit_is_refused(store, clock, limit):
    with pytest.raises(InvalidInput, match="limit must be a whole number from 1 to 50"):
        list_runs(store, ALICE, limit=limit, now_ms=clock)


def listed_to_the_end(store, clock, **given):
    """Read all pages; return each page's ids."""
    pages, cursor = [], None
    while cursor or not pages:
        answer = list_runs(store, ALICE, cursor=cursor, now_ms=clock, **given)
        pages.append(ids(answer))
        cursor = answer["nextCursor"]
    return pages


def test_runs_are_filtered_by_status_and_agent(store, clock):
    for number in range(6):
        store.create(f"r{number}", owner=ALICE, agent="terrain" if number % 2 else "layout")
        clock.now_ms += 1_000
    create(store, clock, "b1", owner=BOB)
    for request_id in ("r0", "r1", "r4"):
        close_unclaimed(store, store.read(request_id), message="It could not be handed over.")
    assert listed_to_the_end(store, clock, status="error") == [["r4", "r1", "r0"]]
    assert listed_to_the_end(store, clock, agent="terrain") == [["r5", "r3", "r1"]]
    assert listed_to_the_end(store, clock, status="in_progress", agent="terrain") == [["r5", "r3"]]
    assert listed_to_the_end(store, clock, status="cancelled") == [[]]
    # More matches than the limit: the next page begins after the last run shown, not after the last one read.
    assert listed_to_the_end(store, clock, status="error", limit=1) == [["r4"], ["r1"], ["r0"]]


def test_a_filtered_page_reads_a_bounded_number_of_runs_and_goes_on(store, clock, monkeypatch):
    monkeypatch.setattr(limits, "LIST_FILTERED_MAX_RUNS", 3)
    create(store, clock, *(f"r{number}" for number in range(7)))
    read, whole = [], store.read_heads
    monkeypatch.setattr(store, "read_heads", lambda asked: read.append(len(asked)) or whole(asked))
    assert listed_to_the_end(store, clock, status="complete") == [[], [], []]
    assert read == [3, 3, 1]


@pytest.mark.parametrize("given", [{}, {"status": "error"}, {"status": "complete", "agent": "terrain"}])
def test_a_cursor_of_other_filters_is_refused(store, clock, given):
    create(store, clock, "r1", "r2")
    cursor = list_runs(store, ALICE, agent="terrain", limit=1, now_ms=clock)["nextCursor"]
    assert ids(list_runs(store, ALICE, agent="terrain", cursor=cursor, now_ms=clock)) == ["r1"]
    with pytest.raises(InvalidInput, match="cursor must be the nextCursor of an earlier answer with the same status"):
        list_runs(store, ALICE, cursor=cursor, now_ms=clock, **given)


def test_the_cursor_of_the_longest_id_is_accepted(store, clock):
    longest = "\x01" * limits.REQUEST_ID_MAX_CHARACTERS
    create(store, clock, "r1", longest)
    cursor = list_runs(store, ALICE, agent="terrain", limit=1, now_ms=clock)["nextCursor"]
    assert ids(list_runs(store, ALICE, agent="terrain", cursor=cursor, now_ms=clock)) == ["r1"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"status": ""}, "status must be one of: in_progress, waiting, complete, error, cancelled."),
        ({"status": "lost"}, "status must be one of: in_progress, waiting, complete, error, cancelled."),
        ({"agent": ""}, "agent must be text of 1 to 200 characters."),
        ({"agent": "x" * 201}, "agent must be text of 1 to 200 characters."),
        ({"agent": "\ud800"}, "agent must be text of 1 to 200 characters."),
    ],
)
def test_a_filter_that_fits_no_run_is_refused(store, clock, given, message):
    with pytest.raises(InvalidInput) as refused:
        list_runs(store, ALICE, now_ms=clock, **given)
    assert str(refused.value) == message


def encoded(place):
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def nested(depth):
    return base64.urlsafe_b64encode(b"[" * depth).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "", "no", "é", "x" * 4_000, "[" * 500, nested(1_200), encoded([]), encoded({}), encoded([1]),
        encoded(["1", "r1"]),
        encoded([1, "r1"]), encoded([1, 2, ""]), encoded([True, "r1", ""]), encoded([False, "r1", ""]),
        encoded([1, "\ud800", ""]), encoded([1, "r1#2", ""]), encoded([-1, "r1", ""]), encoded([10**20, "r1", ""]),
        encoded([1.5, "r1", ""]),
        encoded([1, "", ""]), encoded([1, "x" * 129, ""]), encoded([1, "r1", "acme#bob"]), encoded([1, "r1", 0]),
    ],
)  # fmt: skip
def test_a_cursor_that_is_none_is_refused(store, clock, cursor):
    with pytest.raises(InvalidInput, match="cursor must be the nextCursor of an earlier answer"):
        list_runs(store, ALICE, cursor=cursor, now_ms=clock)


def test_what_dynamodb_leaves_for_later_is_asked_for_again(store, clock, dynamodb, monkeypatch):
    create(store, clock, "r1", "r2", "r3")
    whole, asked = dynamodb.batch_get_item, []

    def one_at_a_time(RequestItems):  # noqa: N803
        [(name, wanted)] = RequestItems.items()
        asked.append(len(wanted["Keys"]))
        answer = whole(RequestItems={name: {**wanted, "Keys": wanted["Keys"][:1]}})
        left = wanted["Keys"][1:]
        return {**answer, "UnprocessedKeys": {name: {**wanted, "Keys": left}} if left else {}}

    monkeypatch.setattr(dynamodb, "batch_get_item", one_at_a_time)
    assert ids(list_runs(store, ALICE, now_ms=clock)) == ["r3", "r2", "r1"]
    assert asked == [3, 2, 1]


def test_a_table_that_reads_nothing_is_not_asked_for_ever(store, clock, dynamodb, monkeypatch):
    create(store, clock, "r1")
    monkeypatch.setattr(
        dynamodb, "batch_get_item", lambda **asked: {"Responses": {}, "UnprocessedKeys": asked["RequestItems"]}
    )
    with pytest.raises(StoreUnavailable, match="Try again"):
        list_runs(store, ALICE, now_ms=clock)
