"""What tracked agents say, and what their tools take and raise, is recorded without secrets."""

from __future__ import annotations

import json

import pytest
from strands import Agent, tool
from strands.types.exceptions import EventLoopException

from runcast import track
from runcast.client.live_text import LiveText
from runcast.record.outbox import Outbox
from runcast.runs import from_environment
from runcast.runs.from_environment import Destination
from tests.fakes.scripted_model import Call, ScriptedModel
from tests.fakes.secrets import CANARY, SECRETS, check_told, every_secret


@every_secret
@pytest.mark.parametrize("piece", [1, 7])
def test_a_secret_that_the_model_streams_in_pieces_is_never_shown(records, monkeypatch, secret, piece):
    sent = []

    def send(messages):
        sent.extend(messages)
        return len(messages)

    monkeypatch.setattr(from_environment, "destination_of_environment", lambda: Destination(records, send))
    monkeypatch.setattr(Outbox, "put_delta", lambda outbox, message: sent.append(message))
    told = f"before {secret} after and some more words"
    seconds = iter(range(1_000_000))

    async def stream(*_, **__):
        yield {"messageStart": {"role": "assistant"}}
        for at in range(0, len(told), piece):
            yield {"contentBlockDelta": {"delta": {"text": told[at : at + piece]}}}
        yield {"contentBlockStop": {}}
        yield {"messageStop": {"stopReason": "end_turn"}}

    model = ScriptedModel([])
    model.stream = stream
    agent = track(Agent(model=model, callback_handler=None), live_text=True, monotonic=lambda: next(seconds) * 0.2)
    agent("?", invocation_state={"runcast": {"requestId": "r1"}})
    steps = [step.to_json() for step in records.read("r1").steps if step.step == "text"]
    joined = LiveText()
    for each in [*sent, *steps]:
        if (each.get("metadata") or {}).get("offset") is not None:
            assert CANARY not in each["message"].lower()
            joined.add(each["metadata"]["offset"], each["message"])
    check_told(str(joined))
    assert len(steps) > 1


def test_tools_and_their_errors_hold_no_secret(records):
    told = f"before {SECRETS['Anthropic']} after"

    @tool
    def call(key: str) -> str:
        """Call something."""
        raise ValueError(key)

    model = ScriptedModel([Call("call", {"key": told}), RuntimeError(told)])
    with pytest.raises(EventLoopException):
        track(Agent(model=model, tools=[call], callback_handler=None), tool_io=True)(
            told, invocation_state={"runcast": {"requestId": "r1"}}
        )
    check_told(json.dumps([step.to_json() for step in records.read("r1").steps]))
    check_told(records.read("r1").error)
