import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runcast import limits
from runcast.json_text import json_bytes, metadata_json
from runcast.record.message import batches, status_update, step_update
from runcast.record.model import PUBLIC, Owner, Step, with_metadata_object

SHARED = {"seq", "status", "message", "timestamp", "agentName", "toolName", "metadata"}


def test_a_message_over_its_limits_is_shortened_visibly():
    update = status_update(PUBLIC, "thinking", "x" * 5000, timestamp_ms=1, metadata={"x": "y" * 10_000})
    assert len(update["message"]) == limits.MESSAGE_MAX_CHARACTERS
    assert update["message"].endswith("[shortened from 5000 characters]")
    assert update["metadata"]["shortened"] is True


def test_a_step_is_shown_under_its_live_name_and_its_own_agent():
    step = Step("executing", "Calling slope", 1.0, 5, 3, "scout", "slope", "calling_tool", '{"reason":"why"}')
    update = step_update(Owner("acme", "alice"), step, request_id="r1", job_id=None, agent="terrain")
    assert (update["status"], update["agentName"], update["seq"]) == ("calling_tool", "scout", 3)
    assert (update["toolName"], update["metadata"]) == ("slope", {"reason": "why"})


@pytest.mark.parametrize(
    "step",
    [
        Step("init", "", 0.0, 5, 1, status="agent_invoking"),
        Step("thinking", "…", 1.0, 5, 2),
        Step("executing", "Calling slope", 1.0, 5, 3, "scout", "slope", "calling_tool", '{"reason":"why"}'),
    ],
    ids=lambda step: step.step,
)
def test_a_step_has_the_same_fields_live_as_in_the_answer_of_the_reader(step):
    update = step_update(PUBLIC, step, request_id="r1", job_id=None, agent="terrain")
    answer = with_metadata_object(step.to_answer("terrain"))
    assert {name: answer.get(name) for name in SHARED} == {name: update[name] for name in SHARED}
    assert None not in (answer["status"], answer["agentName"])


def test_metadata_at_its_limit_is_shown_as_it_was_recorded():
    metadata = {"x": "y" * (limits.METADATA_MAX_BYTES - 8)}
    step = Step("executing", "", 1.0, 5, 3, tool_name="slope", metadata_json=metadata_json(metadata))
    update = step_update(PUBLIC, step, request_id="r1", job_id=None, agent="terrain")
    assert update["metadata"] == metadata


# As long as it may be in compact JSON, which is what is sent; with spaces it would be longer.
@example([0, 0, 0, 0, 0, 0, 0, 0, 128, 2, 0, 152, 84_207, 120_000])
@given(st.lists(st.integers(min_value=0, max_value=120_000), max_size=130))
def test_batches_keep_order_and_limits(sizes):
    messages = [{"n": n, "text": "x" * size} for n, size in enumerate(sizes)]
    split = list(batches(messages))
    assert [message for batch in split for message in batch] == messages
    assert all(0 < len(batch) <= limits.BATCH_MAX_MESSAGES for batch in split)
    assert all(json_bytes(batch) <= limits.BATCH_MAX_BYTES for batch in split)
