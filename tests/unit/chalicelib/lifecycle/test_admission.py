"""The limits of users and tenants: how many starts a minute, and how many runs in progress."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from chalicelib.lifecycle.admission import Admission
from chalicelib.runtime.owner_limits import OwnerLimits

from runcast.errors import TooManyRequests
from runcast.record.model import Owner, RunStatus, Step
from runcast.record.owner_counts import DAY_MS, OwnerCounts
from runcast.record.store import End
from runcast.record.table import Table

ANA = Owner("acme", "ana")
BOB = Owner("acme", "bob")
EVE = Owner("globex", "eve")
# The name of a tenant may look like the end of another key.
ODD = Owner("acme/1", "ana")
MINUTE_MS = 60_000


@pytest.fixture
def admission(dynamodb, clock):
    def make(**limits: int) -> Admission:
        return Admission(OwnerLimits(**limits), OwnerCounts(Table(dynamodb, "AgentProgress")), clock)

    return make


def refusal(attempt) -> tuple[str, int]:
    with pytest.raises(TooManyRequests) as refused:
        attempt()
    return str(refused.value), refused.value.retry_after_seconds


def paused(store, request_id: str, worker: str) -> None:
    step = Step(step="waiting", message="", elapsed=0, timestamp=0, seq=1)
    lease_until_ms = store.now_ms() + 1000
    waiting = End(RunStatus.WAITING, snapshot_key="snapshots/1")
    store.append(request_id, worker=worker, expected_seq=0, lease_until_ms=lease_until_ms, steps=[step], end=waiting)


class TestStartsAMinute:
    def test_a_user_may_start_as_many_as_the_limit(self, admission, clock):
        gate = admission(user_starts_per_minute=3)
        clock.now_ms = 10 * MINUTE_MS + 48_000
        for _ in range(3):
            gate.require_start(ANA)
        message = "A user may start 3 runs and jobs a minute. Try again in 12 s."
        assert refusal(lambda: gate.require_start(ANA)) == (message, 12)

    @pytest.mark.parametrize("other", [BOB, EVE, ODD])
    def test_another_user_is_counted_separately(self, admission, other):
        gate = admission(user_starts_per_minute=1)
        gate.require_start(ANA)
        gate.require_start(other)

    def test_the_next_minute_begins_at_zero(self, admission, clock):
        gate = admission(user_starts_per_minute=1)
        clock.now_ms = 11 * MINUTE_MS - 1
        gate.require_start(ANA)
        _, retry_after_seconds = refusal(lambda: gate.require_start(ANA))
        clock.now_ms += retry_after_seconds * 1000
        gate.require_start(ANA)

    def test_the_users_of_a_tenant_share_its_limit(self, admission):
        gate = admission(tenant_starts_per_minute=2)
        gate.require_start(ANA)
        gate.require_start(BOB)
        message, _ = refusal(lambda: gate.require_start(BOB))
        assert message.startswith("A tenant may start 2 runs and jobs a minute.")
        gate.require_start(EVE)

    def test_the_refused_starts_of_a_user_do_not_use_up_the_limit_of_the_tenant(self, admission):
        gate = admission(user_starts_per_minute=1, tenant_starts_per_minute=2)
        gate.require_start(ANA)
        for attempt in (gate.require_start, lambda owner: gate.require_upload(owner, 1)):
            message, _ = refusal(lambda attempt=attempt: attempt(ANA))
            assert message.startswith("A user may start 1 runs")
        gate.require_start(BOB)

    def test_a_counter_expires(self, admission, dynamodb, clock):
        clock.now_ms = 10 * MINUTE_MS
        admission().require_start(ANA)
        items = dynamodb.scan(TableName="AgentProgress")["Items"]
        assert {item["expiresAt"]["N"] for item in items} == {str(12 * 60)}
        assert {item["requestId"]["S"] for item in items} == {"#starts/acme#ana/10", "#starts/acme/10"}


class TestRunsInProgress:
    def test_a_user_may_have_as_many_as_the_limit(self, admission, store):
        gate = admission(user_open_runs=2)
        store.create("r1", owner=ANA, agent="terrain")
        gate.require_open(ANA)
        store.create("r2", owner=ANA, agent="terrain")
        message = "A user may have 2 runs and jobs in progress. Try again in 30 s."
        assert refusal(lambda: gate.require_open(ANA)) == (message, 30)
        assert refusal(lambda: gate.require_start(ANA)) == (message, 30)
        gate.require_open(BOB)

    def test_a_claimed_run_counts(self, admission, store, clock):
        gate = admission(user_open_runs=1)
        store.claim("r1", worker="w", owner=ANA, agent="terrain", job_id=None, lease_until_ms=clock.now_ms + 1000)
        refusal(lambda: gate.require_open(ANA))

    def test_a_run_that_has_ended_does_not_count(self, admission, store):
        gate = admission(user_open_runs=1)
        run = store.create("r1", owner=ANA, agent="terrain")
        store.end(run, Step(step="error", message="", elapsed=0, timestamp=0, seq=1), End(RunStatus.ERROR))
        gate.require_open(ANA)

    def test_a_run_does_not_count_while_it_waits_for_an_answer(self, admission, store, clock):
        gate = admission(user_open_runs=1)
        store.claim("r1", worker="w", owner=ANA, agent="terrain", job_id=None, lease_until_ms=clock.now_ms + 1000)
        paused(store, "r1", "w")
        gate.require_open(ANA)
        answered = Step(step="answered", message="", elapsed=0, timestamp=0, seq=2)
        store.begin_next_part(store.read("r1"), answered, "answers/1")
        refusal(lambda: gate.require_open(ANA))

    def test_the_users_of_a_tenant_share_its_limit(self, admission, store):
        gate = admission(tenant_open_runs=2)
        store.create("r1", owner=ANA, agent="terrain")
        store.create("r2", owner=BOB, agent="terrain")
        message, _ = refusal(lambda: gate.require_open(BOB))
        assert message.startswith("A tenant may have 2 runs and jobs in progress.")
        gate.require_open(EVE)

    def test_what_is_refused_is_not_counted_as_a_start(self, admission, store, dynamodb):
        store.create("r1", owner=ANA, agent="terrain")
        refusal(lambda: admission(user_open_runs=1).require_start(ANA))
        assert dynamodb.scan(TableName="AgentProgress")["Count"] == 1


class TestTokensADay:
    def test_a_start_and_an_answer_are_refused_until_the_day_ends(self, admission, dynamodb, clock):
        gate = admission(user_tokens_per_day=100)
        clock.now_ms = 20_001 * DAY_MS - 7_500
        counts = OwnerCounts(Table(dynamodb, "AgentProgress"))
        counts.add_tokens(ANA, 100, clock.now_ms)
        gate.require_start(ANA)
        counts.add_tokens(ANA, 1, clock.now_ms)
        message = "A user may use 100 tokens a day. Try again in 8 s."
        assert refusal(lambda: gate.require_start(ANA)) == (message, 8)
        assert refusal(lambda: gate.require_open(ANA)) == (message, 8)
        gate.require_start(BOB)
        clock.now_ms += 8_000
        gate.require_start(ANA)

    def test_a_counter_expires_after_its_day(self, dynamodb, clock):
        clock.now_ms = 20_001 * DAY_MS - 1
        OwnerCounts(Table(dynamodb, "AgentProgress")).add_tokens(ANA, 1, clock.now_ms)
        [item] = dynamodb.scan(TableName="AgentProgress")["Items"]
        assert (item["requestId"]["S"], item["expiresAt"]["N"]) == ("#tokens/acme#ana/20000", str(20_002 * 86_400))


class TestUploadsADay:
    def test_a_user_may_upload_as_much_as_the_limit_until_the_day_ends(self, admission, clock):
        gate = admission(user_upload_mb_per_day=3)
        clock.now_ms = 20_001 * DAY_MS - 7_500
        gate.require_upload(ANA, 2 * 1024**2)
        message = "A user may upload 3 MB a day. Try again in 8 s."
        assert refusal(lambda: gate.require_upload(ANA, 1024**2 + 1)) == (message, 8)
        gate.require_upload(ANA, 1024**2)  # what was refused does not count
        assert refusal(lambda: gate.require_upload(ANA, 1)) == (message, 8)
        gate.require_upload(BOB, 3 * 1024**2)
        clock.now_ms += 8_000
        gate.require_upload(ANA, 3 * 1024**2)

    def test_an_upload_counts_as_a_start_and_the_reverse(self, admission):
        gate = admission(user_starts_per_minute=2)
        gate.require_upload(ANA, 1)
        gate.require_start(ANA)
        message, _ = refusal(lambda: gate.require_upload(ANA, 1))
        assert message.startswith("A user may start 2 runs, jobs and uploads a minute. Try again in ")

    def test_a_counter_expires_after_its_day(self, admission, dynamodb, clock):
        clock.now_ms = 20_001 * DAY_MS - 1
        admission().require_upload(ANA, 5)
        items = dynamodb.scan(TableName="AgentProgress")["Items"]
        expiries = {item["requestId"]["S"]: item["expiresAt"]["N"] for item in items}
        assert expiries["#uploads/acme#ana/20000"] == str(20_002 * 86_400)


@pytest.mark.parametrize(
    "error",
    [
        ReadTimeoutError(endpoint_url="dynamodb"),
        ClientError({"Error": {"Code": "ThrottlingException"}}, "UpdateItem"),
        ClientError({"Error": {"Code": "ValidationException", "Message": "The index is being created."}}, "Query"),
    ],
)
def test_a_start_that_cannot_be_counted_is_admitted_and_reported(admission, dynamodb, monkeypatch, log_lines, error):
    def fail(**_):
        raise error

    monkeypatch.setattr(dynamodb, "update_item", fail)
    monkeypatch.setattr(dynamodb, "query", fail)
    monkeypatch.setattr(dynamodb, "get_item", fail)
    admission(user_starts_per_minute=1, user_open_runs=1).require_start(ANA)
    metrics = [line for line in log_lines.read() if "_aws" in line]
    assert [line["LimitsUnchecked"] for line in metrics] == [1, 1, 1]
