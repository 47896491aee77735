"""Steps that another one nearly always follows share its write."""

from __future__ import annotations

import pytest

from runcast import limits
from runcast.record.assignment import Assignment, QueuedStep
from runcast.record.draft import Draft
from runcast.record.model import RunStatus
from runcast.record.store import End
from tests.unit.record.recording import ALICE


class Arriving:
    """A queue in which each step arrives only to a writer that waits for it."""

    end = None
    taken = 0

    def __init__(self, *steps):
        self._steps = list(steps)

    def get(self, timeout_seconds=0.0):
        return self._steps.pop(0) if timeout_seconds > 0 and self._steps else None


def step(name, timestamp_ms=0, **about):
    return QueuedStep(name, "", timestamp_ms, **about)


def filled(first, *later):
    draft = Draft(Assignment("r1", ALICE, "agent", None, "worker", began_ms=0), Arriving(*later))
    draft.fill(first)
    return [each.step for each in draft.steps]


def test_a_step_that_lingers_is_written_with_the_next():
    assert filled(step("executed", lingers=True), step("thinking"), step("later")) == ["executed", "thinking"]


def test_any_other_step_is_written_at_once():
    assert filled(step("thinking"), step("later")) == ["thinking"]


def test_the_end_is_never_waited_after():
    end = step("complete", end=End(RunStatus.COMPLETE))
    assert filled(step("executed", lingers=True), end, step("later")) == ["executed", "complete"]


@pytest.mark.parametrize(("last_ms", "written"), [(limits.LINGER_MS - 1, 3), (limits.LINGER_MS, 2)])
def test_many_that_linger_do_not_hold_the_first_back(last_ms, written):
    lingering = [step("executed", at_ms, lingers=True) for at_ms in (0, last_ms, last_ms)]
    assert len(filled(*lingering)) == written
