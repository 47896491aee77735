"""The entries of tool calls are deleted after their runs."""

from __future__ import annotations

import pytest

from runcast.record.journal import Call, CallState
from runcast.record.model import Owner, RunStatus, Step
from runcast.record.store import End
from tests.unit.conftest import TABLE_NAME

ALICE, BOB = Owner("acme", "alice"), Owner("acme", "bob")


@pytest.fixture
def entries(dynamodb_client):
    """Return the keys of all entries."""

    def read():
        items = dynamodb_client.scan(TableName=TABLE_NAME)["Items"]
        return {item["requestId"]["S"] for item in items if "#call/" in item["requestId"]["S"]}

    return read


def begun(store, request_id, owner=ALICE, tool_use_id="t1"):
    call = Call(request_id, owner, f"snapshots/{owner.key}", tool_use_id, 1, store.now_ms() // 1000 + 3600)
    return call, store.journal().begin(call, 1, "w1")


def test_the_entries_of_runs_without_a_record_are_deleted(store, entries):
    store.create("r1", owner=ALICE, agent="terrain")
    store.create("r2", owner=BOB, agent="terrain")
    kept = {call.key for call, _ in (begun(store, "r1"), begun(store, "r2", BOB), begun(store, "r3", BOB))}
    begun(store, "r2")  # its id was used again by another owner
    begun(store, "r3")
    store.delete_calls(ALICE)
    assert entries() == kept


def test_all_of_many_entries_are_deleted(store, entries):
    for number in range(230):
        begun(store, f"r{number % 7}", tool_use_id=f"t{number}")
    assert len(entries()) == 230
    store.delete_calls(ALICE)
    assert entries() == set()


def test_an_entry_keeps_its_place_in_the_index(store, dynamodb_client, clock):
    call, entry = begun(store, "r1")
    clock.now_ms += 1000
    again = store.journal().begin_again(call, entry, 2, "w2")
    store.journal().end(call, again)
    item = dynamodb_client.get_item(TableName=TABLE_NAME, Key={"requestId": {"S": call.key}})["Item"]
    assert (item["worker"]["S"], int(item["createdAt"]["N"])) == ("w2", clock.now_ms - 1000)


def test_lists_of_runs_do_not_contain_entries(store):
    run = store.create("r1", owner=ALICE, agent="terrain")
    assert begun(store, "r1")[1].state is CallState.BEGUN
    assert store.newest_ids(ALICE, limit=10, after=None) == (["r1"], None)
    store.end(run, Step("error", "", 0, 0, 1), End(RunStatus.ERROR))
