"""Workers that are killed at each step of a run, or freeze: what is read of the run, and what becomes of it."""

from __future__ import annotations

import json
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from runcast import limits
from runcast.clock import epoch_ms
from runcast.record.ending import close_dead
from runcast.record.reader import Liveness, liveness
from tests.reliability.promises import check_beginning
from tests.reliability.real_runs import RealRuns, is_over, told
from tests.unit.record.recording import until

AT_ONCE = 8


@pytest.fixture(scope="module")
def runs(table):
    return RealRuns(table, seed="killed")


def test_a_run_whose_worker_is_killed_at_any_step_reads_lost_is_not_run_again_and_is_ended(runs):
    last = len(runs.good.told)

    def kill_at(step):
        """Before the write of that step; beyond the last one, just after it."""
        request_id = f"killed-at-{step}"
        about = {"killed_at": min(step, last), "killed_after": step > last, "step_by_step": True}
        with runs.worker(request_id, runs.url, **about) as worker:
            assert worker.finished(30)
        assert worker.answer is None
        run = runs.within(15, request_id, is_over)
        assert liveness(run, epoch_ms()) is (Liveness.DONE if step > last else Liveness.LOST)
        assert told(runs.checked(request_id)[1]) == runs.good.told[: step - 1]
        runs.check_dead(request_id, calls=worker.calls)
        return request_id

    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert len(list(pool.map(kill_at, range(1, last + 2)))) == last + 1


@pytest.fixture
def frozen(runs, request):
    """A worker that was frozen at its first tool call and reads lost, and its run."""
    request_id = f"frozen-{request.node.name}"
    with runs.worker(request_id, runs.url, tool_seconds=0.2) as worker:
        until(lambda: worker.calls)
        worker.kill(signal.SIGSTOP)
        run = runs.within(15, request_id, lambda run: run is not None and is_over(run))
        assert liveness(run, epoch_ms()) is Liveness.LOST
        yield request_id, worker, run


def test_a_frozen_worker_goes_on_where_it_was_when_it_thaws(runs, frozen):
    request_id, worker, _ = frozen
    worker.kill(signal.SIGCONT)
    runs.check_answer(request_id, worker)


def test_a_frozen_worker_whose_run_was_ended_writes_no_more_when_it_thaws(runs, frozen, table):
    request_id, worker, lost = frozen
    ending = close_dead(runs.store, request_id, now_ms=lambda: lost.lease_until_ms + limits.CLOSE_GRACE_MS + 1)
    worker.kill(signal.SIGCONT)

    assert worker.finished(30)
    assert json.loads(worker.answer["body"])["success"] is False
    assert worker.calls < 4
    run, steps = runs.checked(request_id)
    assert run == ending.run
    assert [step.step for step in steps].count("error") == 1
    check_beginning(told(steps)[:-1], runs.good.told)
