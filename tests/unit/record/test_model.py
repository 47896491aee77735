import pytest

from runcast.record.model import RunStatus, Step

STEP = Step(
    step="executing",
    message="Calling slope",
    elapsed=2.5,
    timestamp=1_234_567_890_123,
    seq=7,
    tool_name="slope",
    status="calling_tool",
    metadata_json='{"a":1.5}',
)


def test_a_step_reads_as_the_contract_says():
    assert STEP.to_json() == {
        "type": "progress",
        "step": "executing",
        "message": "Calling slope",
        "elapsed": 2.5,
        "timestamp": 1_234_567_890_123,
        "seq": 7,
        "status": "calling_tool",
        "toolName": "slope",
        "metadata": {"a": 1.5},
    }


def test_what_does_not_apply_is_left_out():
    bare = Step(step="thinking", message="", elapsed=0.0, timestamp=1, seq=1)
    assert set(bare.to_json()) == {"type", "step", "message", "elapsed", "timestamp", "seq", "status"}
    assert bare.to_json()["status"] == "thinking"


@pytest.mark.parametrize(
    ("status", "ended"),
    [("in_progress", False), ("waiting", False), ("complete", True), ("error", True), ("cancelled", True)],
)
def test_which_statuses_are_ends(status, ended):
    assert RunStatus(status).ended is ended
