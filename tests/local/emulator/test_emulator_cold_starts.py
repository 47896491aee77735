"""How many workers start at once, and who gets one that becomes idle."""

import threading
from types import SimpleNamespace

import pytest

from local.emulator.cold_starts import ColdStarts

DEADLINE_SECONDS = 30


class Pool:
    """One function's workers, leased as MiniStack does; tells when somebody looks for one."""

    def __init__(self, starts):
        self.starts = starts
        self.workers = []
        self.looked = threading.Semaphore(0)

    def lease(self):
        return self.starts.lease(self.found, self.leased)

    def found(self):
        self.looked.release()
        return list(self.workers)

    def leased(self):
        idle = next((worker for worker in self.workers if not worker.in_use), None)
        worker = idle or Worker()
        worker.in_use = True
        if idle is None:
            self.workers.append(worker)
        return worker, "reused" if idle else "spawn"

    def give_back(self, worker):
        worker.in_use = False
        self.starts.returned(worker)


class Worker(SimpleNamespace):
    __hash__ = object.__hash__


@pytest.fixture
def clock():
    return SimpleNamespace(now=0.0)


@pytest.fixture
def pool(clock):
    return Pool(ColdStarts(1, monotonic=lambda: clock.now))


def waiting_lease(pool):
    """Lease on a thread; return the thread once it waits, and the list for its result."""
    while pool.looked.acquire(blocking=False):
        pass
    got = []
    thread = threading.Thread(target=lambda: got.append(pool.lease()))
    thread.start()
    assert pool.looked.acquire(timeout=DEADLINE_SECONDS)
    return thread, got


def test_the_first_worker_of_a_function_starts_at_once(clock):
    starts = ColdStarts(1, monotonic=lambda: clock.now)
    assert [Pool(starts).lease()[1] for _ in range(3)] == ["spawn", "spawn", "spawn"]


def test_who_waits_for_a_start_gets_the_worker_that_becomes_idle(pool):
    first, _ = pool.lease()
    thread, got = waiting_lease(pool)
    assert got == []
    pool.give_back(first)
    thread.join(DEADLINE_SECONDS)
    assert got == [(first, "reused")]
    assert len(pool.workers) == 1


def test_the_next_start_begins_when_another_functions_worker_has_started(pool):
    pool.workers.append(Worker(in_use=True))
    other = Pool(pool.starts)
    started, _ = other.lease()
    thread, got = waiting_lease(pool)
    assert got == []
    other.give_back(started)
    thread.join(DEADLINE_SECONDS)
    assert [how for _, how in got] == ["spawn"]


def test_a_start_holds_others_up_for_four_seconds_at_most(pool, clock):
    pool.lease()
    clock.now = 4.0
    assert pool.lease()[1] == "spawn"


def test_an_idle_worker_is_leased_while_others_start(pool):
    first, _ = pool.lease()
    pool.give_back(first)
    Pool(pool.starts).lease()
    assert pool.lease() == (first, "reused")


def test_a_warm_workers_return_frees_no_start(pool):
    warm, _ = pool.lease()
    pool.give_back(warm)
    pool.lease()
    Pool(pool.starts).lease()
    thread, got = waiting_lease(pool)
    pool.starts.returned(warm)  # still in use: a waiting thread looks again, and continues to wait
    assert pool.looked.acquire(timeout=DEADLINE_SECONDS)
    assert got == []
    pool.give_back(warm)
    thread.join(DEADLINE_SECONDS)
    assert got == [(warm, "reused")]
