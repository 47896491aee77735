import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runcast import limits
from runcast.record.model import RunStatus, Step, metadata_json, result_json, shortened

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
        "toolName": "slope",
        "status": "calling_tool",
        "metadata": {"a": 1.5},
    }


def test_what_does_not_apply_is_left_out():
    bare = Step(step="thinking", message="", elapsed=0.0, timestamp=1, seq=1)
    assert set(bare.to_json()) == {"type", "step", "message", "elapsed", "timestamp", "seq"}


@pytest.mark.parametrize(
    ("status", "ended"),
    [("in_progress", False), ("waiting", False), ("complete", True), ("error", True), ("cancelled", True)],
)
def test_which_statuses_are_ends(status, ended):
    assert RunStatus(status).ended is ended


@given(st.text(), st.integers(min_value=60, max_value=200))
def test_a_shortened_text_fits_and_says_so(text, most):
    short = shortened(text, most)
    assert len(short) <= most
    assert len(text) <= most or f"shortened from {len(text)} characters" in short


def test_half_a_surrogate_pair_becomes_a_question_mark():
    assert shortened("a\ud800b", 100) == "a?b"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), JSON, min_size=1))
def test_metadata_survives_as_it_was(metadata):
    text = metadata_json(metadata)
    assert text is not None
    assert json.loads(text) == metadata or json.loads(text)["shortened"]


@pytest.mark.parametrize("metadata", [{"x": math.nan}, {"x": {1, 2}}, {"x": object()}, {(1, 2): 3}, [1], "text"])
def test_metadata_that_is_no_json_is_written_visibly(metadata):
    assert json.loads(metadata_json(metadata))


def test_metadata_that_holds_itself_says_that_it_is_unreadable():
    metadata: dict = {}
    metadata["self"] = metadata
    assert list(json.loads(metadata_json(metadata))) == ["unreadable"]


def test_metadata_over_the_limit_is_replaced_visibly():
    text = metadata_json({"x": "y" * limits.METADATA_MAX_BYTES})
    assert json.loads(text) == {"shortened": True, "bytes": limits.METADATA_MAX_BYTES + 8}


def test_no_metadata_is_none():
    assert metadata_json({}) is None
    assert metadata_json(None) is None


@pytest.mark.parametrize("result", ["x" * 100_000, "é\n" * 60_000, {"text": "x" * 100_000}, "中" * 30_000])
def test_a_result_over_the_limit_is_shortened_visibly(result):
    text = result_json(result)
    assert len(text) <= limits.RESULT_MAX_BYTES
    assert len(text) > limits.RESULT_MAX_BYTES // 2
    assert "[shortened from" in json.loads(text)


def test_a_result_within_the_limit_is_kept():
    assert json.loads(result_json({"a": [1, None, "é"]})) == {"a": [1, None, "é"]}
    assert result_json(None) is None
