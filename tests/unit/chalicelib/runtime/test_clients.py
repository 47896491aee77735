"""Retries of the AWS clients: none for a recorder; readers and starters retry as long as a user waits."""

from __future__ import annotations

import pytest
from botocore.awsrequest import AWSResponse
from chalicelib.runtime import clients as door

from runcast.errors import StoreUnavailable
from tests.unit.conftest import TABLE_NAME


class Body:
    """A body that was read already."""

    def stream(self):
        return iter([b'{"__type": "com.amazonaws.dynamodb.v20120810#InternalServerError"}'])


class Trouble:
    """Refuses the first requests of a client as a busy service does."""

    def __init__(self, refusals: int) -> None:
        self.left = refusals

    def __call__(self, request, **_):
        if not self.left:
            return None
        self.left -= 1
        return AWSResponse(request.url, 500, {}, Body())


@pytest.fixture(autouse=True)
def forgotten():
    for made in (door.dynamodb, door.run_store, door.answering_store):
        made.cache_clear()
    yield
    for made in (door.dynamodb, door.run_store, door.answering_store):
        made.cache_clear()


def troubled(store, refusals: int):
    store._table._client.meta.events.register("before-send.dynamodb", Trouble(refusals))
    return store


def test_readers_and_starters_try_again(dynamodb):
    assert troubled(door.answering_store(TABLE_NAME), 2).read("unknown") is None


def test_a_recorder_does_not(dynamodb):
    store = troubled(door.run_store(TABLE_NAME), 1)
    with pytest.raises(StoreUnavailable):
        store.read("unknown")
