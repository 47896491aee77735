"""The write units of DynamoDB for many steps at once, counted while a real `RunStore` writes them to moto.

Each write takes 5 ms more than moto needs, so that steps gather behind it as they do on AWS. The writes of the owner's
and the open runs' indexes are left out: they are as many for each number of steps.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3
from moto import mock_aws

from bench.row import MAX, Row
from bench.units import item_bytes
from local.settings import REGION
from runcast.record.model import PUBLIC, RunStatus
from runcast.record.recorder import Recorder
from runcast.record.store import STORE_CLIENT_CONFIG, RunStore

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_STEPS, _MORE_STEPS = 1_000, 10_000
_WRITE_SECONDS = 0.005
_PATIENCE_SECONDS = 120
_LOOK_SECONDS = 0.5
_PAGES_AT_ONCE = 100
_TABLE = "bench"
_WRITES = ("PutItem", "UpdateItem", "TransactWriteItems")


def measure_writes() -> list[Row]:
    """Record 1,000 and 10,000 steps at once."""
    few, many = _recorded(_STEPS), _recorded(_MORE_STEPS)
    return [
        Row(
            f"write units, {_MORE_STEPS:,} steps by {_STEPS:,} steps",
            "times",
            [[many.units / few.units]],
            {MAX: 11},
            note=f"{many.units:,} units in {many.writes:,} writes, by {few.units:,} in {few.writes:,}",
        )
    ]


class CountedWrites:
    """Counts the writes of a client, and delays each.

    Attributes:
        writes: How many requests have written.
        units: The write units of their items.
    """

    def __init__(self, client: DynamoDBClient) -> None:
        self.units = self.writes = 0
        self._client = client
        for operation in _WRITES:
            client.meta.events.register(f"provide-client-params.dynamodb.{operation}", self._begin)
            client.meta.events.register(f"after-call.dynamodb.{operation}", self._end)

    def _begin(self, params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        time.sleep(_WRITE_SECONDS)
        self.writes += 1
        parts = params.get("TransactItems")
        context["bench_written"] = [params] if parts is None else [write for part in parts for write in part.values()]
        # A transaction prepares each item and commits it.
        # Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
        context["bench_times"] = 1 if parts is None else 2

    def _end(self, context: dict[str, Any], **_: Any) -> None:
        """Add the units of the items as they have become. A refused write of a missing item uses one."""
        for write in context["bench_written"]:
            key = write.get("Key") or {"requestId": write["Item"]["requestId"]}
            item = self._client.get_item(TableName=write["TableName"], Key=key, ConsistentRead=True).get("Item", {})
            self.units += context["bench_times"] * max(1, math.ceil(item_bytes(item) / 1024))


@mock_aws
def _recorded(steps: int) -> CountedWrites:
    """Record a run with so many steps beside its last one, and return what was counted.

    Raises:
        RuntimeError: The record is not whole.
    """
    client = boto3.client(
        "dynamodb",
        region_name=REGION,
        aws_access_key_id="bench",
        aws_secret_access_key="bench",
        config=STORE_CLIENT_CONFIG,
    )
    client.create_table(
        TableName=_TABLE,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "requestId", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "requestId", "AttributeType": "S"}],
    )
    counted = CountedWrites(client)
    store, request_id = RunStore(client, _TABLE), str(uuid4())
    recorder = Recorder(store, request_id=request_id, owner=PUBLIC, agent="bench", worker="bench")
    recorder.claim()
    for number in range(steps):
        recorder.record("working", f"Step {number} of {steps}", metadata={"number": number})
    recorder.queue_end(RunStatus.COMPLETE, "Done")
    seqs = _recorded_seqs(store, request_id)
    recorder.await_end()
    if seqs != list(range(1, steps + 2)):
        raise RuntimeError(f"the record has {len(seqs):,} of {steps + 1:,} steps, so its figures mean nothing")
    return counted


def _recorded_seqs(store: RunStore, request_id: str) -> list[int]:
    """Return the numbers of all steps once the run has ended: moto takes longer than a run waits for its end."""
    give_up = time.monotonic() + _PATIENCE_SECONDS
    while (run := store.read(request_id)) is None or not run.status.ended:
        if time.monotonic() > give_up:
            raise TimeoutError(f"the run was not recorded within {_PATIENCE_SECONDS} s")
        time.sleep(_LOOK_SECONDS)
    pages = [run.pages[first : first + _PAGES_AT_ONCE] for first in range(0, len(run.pages), _PAGES_AT_ONCE)]
    earlier = [step for page in pages for step in store.read_pages(request_id, run.owner, page)]
    return [step.seq for step in (*earlier, *run.steps)]
