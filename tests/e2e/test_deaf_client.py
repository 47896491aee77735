"""A client that stays connected and stops reading delays neither the run nor other clients."""

import asyncio
import uuid

import pytest
from websockets.exceptions import ConnectionClosed

from runcast.live.publish import StatusPublisher
from runcast.record.model import Owner, RunStatus
from runcast.record.recorder import Recorder
from runcast.record.report import RecordingReport
from runcast.record.store import RunStore

STEPS = 17
METADATA = {"noise": "x" * 8_000}
# As many as a connection may have. For the deaf client about 14 MB: the sockets hold 3 of them, the emulator 8.
SUBSCRIPTIONS = 100
BEHIND = 1008


async def test_whoever_stops_reading_holds_up_nobody(stack, alice):
    async with alice.socket() as quick:
        alone = await run(stack, alice, quick)
        # Without compression, so that what is sent is what arrives; without pings, which nobody would answer.
        async with alice.socket(compression=None, ping_interval=None, close_timeout=1) as deaf:
            for _ in range(SUBSCRIPTIONS):
                assert (await deaf.start(userId=alice.user.user_id))["type"] == "start_ack"
            deaf.connection.transport.pause_reading()
            beside = await run(stack, alice, quick)
            deaf.connection.transport.resume_reading()
            with pytest.raises(ConnectionClosed) as dropped:
                await read_everything(deaf)

    told = [*((number, f"step {number}") for number in range(1, STEPS)), (STEPS, "Done")]
    assert beside == alone == (RecordingReport(STEPS, unrecorded=0, unsent=0), told, told)
    assert dropped.value.rcvd.code == BEHIND


async def run(stack, caller, watching):
    """Do a run each of whose steps must be seen live before the next; return its report, what was seen, its record."""
    outputs, owner, request_id = stack.state.outputs, Owner("acme", caller.user.user_id), str(uuid.uuid4())
    await watching.start(userId=owner.user_id, requestId=request_id)
    store = RunStore(stack.client("dynamodb"), outputs["agent_progress_table_name"])
    invoker = stack.client("lambda")
    recorder = Recorder(
        store,
        request_id=request_id,
        owner=owner,
        agent="terrain",
        worker="worker/1",
        send=StatusPublisher(lambda: invoker, outputs["status_publisher_function_name"]).send,
    )
    seen = []
    try:
        await asyncio.to_thread(recorder.claim)
        for number in range(1, STEPS):
            recorder.record("thinking", f"step {number}", metadata=METADATA)
            seen.append(await next_update(watching))
    finally:
        report = await asyncio.to_thread(recorder.end, RunStatus.COMPLETE, "Done")
    seen.append(await next_update(watching))
    return report, seen, [(step["seq"], step["message"]) for step in caller.read(request_id)["steps"]]


async def next_update(socket):
    update = (await socket.receive("data"))["payload"]["data"]["onStatusUpdate"]
    return update["seq"], update["message"]


async def read_everything(socket):
    for _ in range(STEPS * SUBSCRIPTIONS):
        await socket.receive("data")
