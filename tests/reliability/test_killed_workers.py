"""Workers that are killed at each step of a run, or freeze: how the run reads, and how it ends."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from runcast.clock import epoch_ms
from runcast.record.model import Liveness
from runcast.record.reader import liveness
from tests.reliability.real_runs import RealRuns, is_over, told
from tests.reliability.worker_process import LEASE_MS

AT_ONCE = 8


@pytest.fixture(scope="module")
def runs(table):
    return RealRuns(table, seed="killed")


@pytest.mark.long
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


@pytest.mark.parametrize("ended", [False, True])
def test_a_frozen_worker_reads_lost_and_goes_on_where_it_was_unless_its_run_was_ended(runs, ended):
    """`make chaos` does the same with the real lease."""
    assert runs.freeze(f"frozen-{ended}", seconds=0, lease_ms=LEASE_MS, ended=ended).steps > 1
