"""Ends that no worker writes, and what they compete with."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from runcast import limits
from runcast.errors import AppendRefused, Unavailable
from runcast.record import close as closing
from runcast.record.cancel import cancel
from runcast.record.close import close_dead, close_unclaimed, worker_died
from runcast.record.model import EndReason, Owner, RunStatus, Step
from runcast.record.reader import liveness
from runcast.record.store import End
from tests.unit.record.recording import ALICE

WORKER = "invocation-1/abc"
DEATHS = (EndReason.NEVER_CLAIMED, EndReason.WORKER_DIED)
OF_DEATHS = [closing._ERRORS[reason] for reason in DEATHS]


def reasons_and_messages(reasons):
    """Return each pair of a reason and a message. Those that would not mislead code that reads messages are long."""
    pairs = itertools.product(reasons, ["ValueError: no such region", *closing._ERRORS.values()])
    return [
        (reason, message)
        if (reason in DEATHS) != (message in OF_DEATHS)
        else pytest.param(reason, message, marks=pytest.mark.long)
        for reason, message in pairs
    ]


@pytest.fixture
def create(store, clock):
    return lambda: store.create("r1", owner=ALICE, agent="terrain", job_id="j1")


@pytest.fixture
def work(store, clock, create):
    """A run on which somebody works: one step is recorded."""

    def work(worker=WORKER, end=None):
        create()
        lease = clock.now_ms + limits.LEASE_MS
        store.claim("r1", worker=worker, owner=ALICE, agent="terrain", job_id=None, lease_until_ms=lease)
        steps = [Step("thinking", "Thinking", 0.5, clock.now_ms, 1)]
        store.append("r1", worker=worker, expected_seq=0, lease_until_ms=lease, steps=steps, end=end)
        return store.read("r1")

    return work


def close(store, clock, **more):
    return close_dead(store, "r1", now_ms=clock, **more)


def stop(store, clock, owner=ALICE):
    return cancel(store, owner, "r1", now_ms=clock)


class TestEndUnclaimed:
    def test_it_ends_as_an_error_with_one_step(self, store, clock, create):
        result = close_unclaimed(store, create(), message="The agent could not be invoked.", now_ms=clock)
        run = store.read("r1")
        assert result.run == run
        assert (run.status, run.error, run.seq) == (RunStatus.ERROR, "The agent could not be invoked.", 1)
        assert [(s.step, s.seq, s.live_status) for s in run.steps] == [("error", 1, "agent_error")]

    def test_a_claimed_run_is_left_alone(self, store, clock, create):
        run = create()
        store.claim("r1", worker=WORKER, owner=ALICE, agent="terrain", job_id=None, lease_until_ms=run.lease_until_ms)
        assert close_unclaimed(store, run, message="no", now_ms=clock) is None
        assert store.read("r1").status == RunStatus.IN_PROGRESS


class TestCloseDead:
    @pytest.mark.parametrize("worker", [None, WORKER])
    def test_a_run_of_a_failed_invocation_is_ended_at_once(self, store, clock, create, work, worker):
        before = work() if worker else create()
        clock.now_ms += 1_500
        result = close(store, clock, invocation="invocation-1", detail="Task timed out after 900.00 seconds")
        run = store.read("r1")
        assert result.run == run
        assert (run.status, run.seq, len(run.steps)) == (RunStatus.ERROR, before.seq + 1, before.seq + 1)
        last = run.steps[-1]
        assert (last.step, last.seq, last.elapsed, last.message) == ("error", run.seq, 1.5, run.error)
        assert run.error.endswith("Task timed out after 900.00 seconds")
        assert ("no worker took it" in run.error) == (worker is None)
        assert result.update == {
            "userId": "alice", "tenantId": "acme", "jobId": "j1", "requestId": "r1", "agentName": "terrain",
            "toolName": None, "status": "agent_error", "message": run.error, "timestamp": clock.now_ms,
            "metadata": {"elapsed": 1.5}, "seq": run.seq, "schemaVersion": 1,
        }  # fmt: skip

    @pytest.mark.parametrize("worker", [None, WORKER])
    def test_such_a_run_is_told_from_one_that_has_failed(self, store, clock, create, work, worker):
        open_run = work() if worker else create()
        assert not worker_died(open_run)
        assert worker_died(close(store, clock, invocation="invocation-1", detail="Killed.").run)

    @pytest.mark.parametrize(
        ("reason", "message"), reasons_and_messages([reason for reason in EndReason if reason not in DEATHS])
    )
    def test_a_run_that_ended_for_another_reason_is_none_whose_worker_died(self, work, reason, message):
        assert not worker_died(work(end=End(RunStatus.ERROR, error=message, reason=reason)))

    @pytest.mark.parametrize("worker", ["invocation-2/abc", "invocation-10/abc"])
    def test_another_invocations_run_is_left_alone(self, store, clock, work, worker):
        before = work(worker)
        assert close(store, clock, invocation="invocation-1") is None
        assert store.read("r1") == before

    @pytest.mark.parametrize("claimed", [True, False])
    def test_without_word_of_a_failure_it_waits_for_the_lease_and_a_grace(self, store, clock, create, work, claimed):
        run = work() if claimed else create()
        clock.now_ms = run.lease_until_ms + limits.CLOSE_GRACE_MS
        assert close(store, clock) is None
        clock.now_ms += 1
        assert close(store, clock).run.status is RunStatus.ERROR

    def test_a_run_that_waits_is_not_dead_because_its_worker_is(self, store, clock, work):
        work(end=End(RunStatus.WAITING))
        assert close(store, clock, invocation="invocation-1") is None

    def test_a_run_that_nobody_answered_says_so(self, store, clock, work):
        run = work(end=End(RunStatus.WAITING))
        clock.now_ms = run.lease_until_ms + limits.CLOSE_GRACE_MS + 1
        assert close(store, clock).run.error == "The run waited for an answer, and nobody gave one in time."

    @pytest.mark.parametrize("status", ["complete", "error", "cancelled"])
    def test_an_ended_run_stays_as_it_ended(self, store, clock, work, status):
        before = work(end=End(RunStatus(status)))
        clock.now_ms += 10**6
        assert close(store, clock, invocation="invocation-1") is None
        assert store.read("r1") == before

    def test_closing_again_changes_nothing(self, store, clock, work):
        work()
        ended = close(store, clock, invocation="invocation-1").run
        assert close(store, clock, invocation="invocation-1") is None
        assert store.read("r1") == ended

    def test_an_unknown_run_is_none(self, store, clock):
        assert close(store, clock) is None


class TestReasons:
    """Each end has its reason, with any message."""

    @pytest.fixture(params=["as today", "other", "swapped"])
    def messages(self, request, monkeypatch):
        """The messages of ends: unchanged, all equal, and each with the message of another reason."""
        texts = list(closing._ERRORS.values())
        changed = {
            "as today": texts,
            "other": ["It ended."] * len(texts),
            "swapped": texts[1:] + texts[:1],
        }[request.param]
        monkeypatch.setattr(closing, "_ERRORS", dict(zip(closing._ERRORS, changed, strict=True)))

    @pytest.mark.parametrize("worker", [None, WORKER])
    def test_of_a_failed_invocation(self, store, clock, create, work, worker, messages):
        _ = work() if worker else create()
        result = close(store, clock, invocation="invocation-1", detail="Killed.")
        assert result.run.reason == result.ended.reason == ("worker_died" if worker else "never_claimed")
        assert worker_died(result.run)

    def test_of_a_run_that_nobody_answered(self, store, clock, work, messages):
        run = work(end=End(RunStatus.WAITING))
        assert run.reason is None
        clock.now_ms = run.lease_until_ms + limits.CLOSE_GRACE_MS + 1
        run = close(store, clock).run
        assert (run.reason, worker_died(run)) == ("not_answered", False)

    def test_of_a_job_whose_execution_stopped(self, store, clock, messages):
        job = store.create("j1", owner=ALICE, agent="orchestrator", job_id="j1", playbook="p")
        about = {"owner": ALICE, "agent": "orchestrator", "job_id": "j1", "playbook": "p"}
        store.claim("j1", worker="execution/j1", lease_until_ms=job.lease_until_ms, **about)
        clock.now_ms = job.lease_until_ms + limits.CLOSE_GRACE_MS + 1
        job = close_dead(store, "j1", now_ms=clock).run
        assert (job.reason, worker_died(job)) == ("execution_stopped", False)

    @pytest.mark.parametrize("message", ["no", *closing._ERRORS.values()])
    def test_of_a_run_that_could_not_be_handed_over(self, store, clock, create, message):
        run = close_unclaimed(store, create(), message=message, now_ms=clock).run
        assert (run.reason, worker_died(run)) == ("not_handed_over", False)

    def test_of_a_cancel(self, store, clock, create):
        create()
        assert stop(store, clock).run.reason == "cancel_requested"


class TestCancel:
    def test_an_unclaimed_run_is_ended_and_cannot_be_claimed(self, store, clock, create):
        create()
        result = stop(store, clock)
        assert (result.run.status, result.run.error) == (RunStatus.CANCELLED, None)
        assert [(step.seq, step.step, step.live_status) for step in result.run.steps] == [(1, "cancelled", "cancelled")]
        assert (result.update["seq"], result.update["status"]) == (1, "cancelled")
        assert result.run == store.read("r1")

    @pytest.mark.parametrize("lost", [True, False])
    def test_a_lost_or_waiting_run_is_ended(self, store, clock, work, lost):
        run = work(end=None if lost else End(RunStatus.WAITING))
        clock.now_ms = run.lease_until_ms + 1 if lost else clock.now_ms
        result = stop(store, clock)
        assert (result.run.status, result.run.seq) == (RunStatus.CANCELLED, 2)
        assert result.update["seq"] == 2

    def test_a_working_run_is_marked_once(self, store, clock, work):
        before = work()
        first = stop(store, clock)
        assert first.run == replace(before, cancel_requested_at_ms=clock.now_ms) == store.read("r1")
        assert (first.update["status"], first.update["seq"], first.ended) == ("cancelling", None, None)
        assert liveness(first.run, clock.now_ms) == "cancelling"
        clock.now_ms += 1_000
        again = stop(store, clock)
        assert (again.run, again.update) == (first.run, None)
        assert again.run == store.read("r1")

    def test_a_marked_run_whose_worker_has_died_reads_lost_and_may_be_ended(self, store, clock, work):
        run = work()
        stop(store, clock)
        clock.now_ms = run.lease_until_ms + 1
        assert liveness(store.read("r1"), clock.now_ms) == "lost"
        assert stop(store, clock).run.status is RunStatus.CANCELLED

    @pytest.mark.parametrize("status", ["complete", "error", "cancelled"])
    def test_an_ended_run_stays_as_it_ended(self, store, clock, work, status):
        before = work(end=End(RunStatus(status)))
        result = stop(store, clock)
        assert (result.run, result.update) == (before, None)
        assert store.read("r1") == before

    @pytest.mark.parametrize("owner", [Owner("acme", "bob"), Owner("globex", "alice")])
    def test_a_foreign_run_is_none_and_stays(self, store, clock, work, owner):
        before = work()
        assert stop(store, clock, owner) is None
        assert store.read("r1") == before

    @pytest.mark.parametrize("request_id", ["unknown", "", "x" * 3_000])
    def test_an_unknown_run_is_none(self, store, clock, request_id):
        assert cancel(store, ALICE, request_id, now_ms=clock) is None


class Crossing:
    """A store in which somebody always writes between the reading of a record and what is decided on it."""

    def __init__(self, store, rivals):
        self._store = store
        self._rivals = list(rivals)

    def read(self, request_id):
        run = self._store.read(request_id)
        self._cross()
        return run

    def end(self, *args):
        return self._try(self._store.end, *args)

    def ask_to_cancel(self, *args):
        return self._try(self._store.ask_to_cancel, *args)

    def hint_cancel(self, run):
        self._store.hint_cancel(run)

    def _try(self, write, *args):
        try:
            return write(*args)
        except AppendRefused:
            self._cross()
            raise

    def _cross(self):
        if self._rivals:
            self._rivals.pop(0)()


class TestTheLoser:
    def test_who_cancels_while_a_worker_claims_marks_the_run(self, store, clock, create):
        create()
        lease = clock.now_ms + limits.LEASE_MS

        def claim():
            store.claim("r1", worker=WORKER, owner=ALICE, agent="terrain", job_id=None, lease_until_ms=lease)

        result = stop(Crossing(store, [claim]), clock)
        assert (result.run.status, result.run.cancel_requested_at_ms) == (RunStatus.IN_PROGRESS, clock.now_ms)

    def test_who_cancels_while_the_worker_ends_finds_the_end(self, store, clock, work):
        work()

        def end():
            store.append(
                "r1", worker=WORKER, expected_seq=1, lease_until_ms=9, steps=[Step("complete", "Done", 1, 1, 2)],
                end=End(RunStatus.COMPLETE),
            )  # fmt: skip

        result = stop(Crossing(store, [end]), clock)
        assert (result.run.status, result.update) == (RunStatus.COMPLETE, None)
        assert store.read("r1").cancel_requested_at_ms is None

    def test_who_closes_while_the_worker_thaws_leaves_it_alone(self, store, clock, work):
        run = work()
        clock.now_ms = run.lease_until_ms + limits.CLOSE_GRACE_MS + 1
        lease = clock.now_ms + limits.LEASE_MS
        beat = lambda: store.append("r1", worker=WORKER, expected_seq=1, lease_until_ms=lease)  # noqa: E731
        assert close(Crossing(store, [beat]), clock) is None
        assert store.read("r1").status is RunStatus.IN_PROGRESS

    def test_of_two_who_close_one_does(self, store, clock, work):
        work()
        first = []
        rival = lambda: first.append(close(store, clock, invocation="invocation-1"))  # noqa: E731
        assert close(Crossing(store, [rival]), clock, invocation="invocation-1") is None
        assert store.read("r1") == first[0].run
        assert store.read("r1").seq == 2

    def test_a_run_that_keeps_changing_is_given_up_for_now(self, store, clock, create):
        create()
        clock.now_ms += limits.QUEUED_LEASE_MS + limits.CLOSE_GRACE_MS + 1

        class Changing(Crossing):
            def end(self, run, *args):
                raise AppendRefused("changed", run)

        with pytest.raises(Unavailable, match="Try again"):
            close(Changing(store, []), clock)
