"""A client that stays connected and stops reading: neither the run nor anybody else waits for it."""

import asyncio
import secrets
import uuid

import pytest
from websockets.exceptions import ConnectionClosed

from runcast import limits
from runcast.live.publish import StatusPublisher
from runcast.record.model import Owner, RunStatus
from runcast.record.recorder import Recorder
from runcast.record.store import RunStore

STEPS = 200
# For the deaf one some 30 MB of text that does not compress: more than all buffers on the way hold.
SUBSCRIPTIONS = 20


async def test_whoever_stops_reading_holds_up_nobody(stack, alice, monkeypatch):
    monkeypatch.setattr(limits, "ADDED_TIME_SECONDS", 60)  # all of it shall be sent, however slow the machine
    outputs = stack.state.outputs
    request_id = str(uuid.uuid4())
    recorder = Recorder(
        RunStore(stack.client("dynamodb"), outputs["agent_progress_table_name"]),
        request_id=request_id,
        owner=Owner("acme", alice.user.user_id),
        agent="terrain",
        worker="burst/1",
        publish=StatusPublisher(stack.client("lambda"), outputs["status_publisher_function_name"]).send,
    )

    def work():
        recorder.claim()
        for number in range(1, STEPS):
            recorder.record("thinking", str(number), metadata={"noise": secrets.token_hex(3_500)})
        return recorder.end(RunStatus.COMPLETE, "Done")

    async with alice.socket() as deaf, alice.socket() as quick:
        for _ in range(SUBSCRIPTIONS):
            await deaf.start(userId=alice.user.user_id)
        await quick.start(userId=alice.user.user_id, requestId=request_id)
        report, updates = await asyncio.gather(asyncio.to_thread(work), quick.updates(request_id))

        assert (report.recorded, report.unrecorded, report.unpublished) == (STEPS, 0, 0)
        assert sorted(update["seq"] for update in updates) == list(range(1, STEPS + 1))
        with pytest.raises(ConnectionClosed):  # it has been dropped
            await read_all(deaf)


async def read_all(socket):
    while True:
        await asyncio.wait_for(socket.connection.recv(), 10)
