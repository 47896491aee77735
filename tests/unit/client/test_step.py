"""What a step says about the run that it belongs to."""

from __future__ import annotations

import pytest

from runcast.client.step import WatchedStep


def step(status, seq=2, **metadata):
    return WatchedStep(seq, status, "", 0.1, 100, metadata=metadata or None)


@pytest.mark.parametrize(
    ("seen", "ends_part", "may_end_run"),
    [
        (step("agent_complete", elapsed=1.0), False, True),
        (step("agent_complete", parentSeq=1, outcome="ok"), True, False),
        (step("agent_error", parentSeq=1, outcome="error"), True, False),
        (step("agent_error"), False, True),
        (step("tool_error", parentSeq=1, outcome="denied"), True, False),
        (step("cancelled"), False, True),
        (step("waiting"), False, True),
        (step("thinking", parentSeq=1), False, False),
    ],
)
def test_the_end_of_a_part_is_not_the_end_of_the_run(seen, ends_part, may_end_run):
    assert (seen.ends_part, seen.may_end_run) == (ends_part, may_end_run)


@pytest.mark.parametrize(
    ("seen", "is_delta"),
    [
        (step("text", seq=None, offset=0), True),
        (step("text", offset=0), False),
        (step("text", seq=None), False),
        (step("text", seq=None, offset="0"), False),
        (step("thinking", seq=None, offset=0), False),
    ],
)
def test_a_delta_is_text_without_a_number(seen, is_delta):
    assert seen.is_delta is is_delta
