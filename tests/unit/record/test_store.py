from dataclasses import replace

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from botocore.stub import Stubber

from runcast import limits
from runcast.errors import AppendRefused, ClaimRefused, JobClosed, RunExists, RunGone, StoreUnavailable
from runcast.record.ids import derived_ids
from runcast.record.model import Owner, RunStatus, Step
from runcast.record.store import End, RunStore
from runcast.record.table import Table
from tests.unit.conftest import TABLE_NAME

ALICE = Owner("acme", "alice")
BOB = Owner("globex", "bob")


def step(seq: int, name: str = "thinking") -> Step:
    return Step(step=name, message=f"step {seq}", elapsed=0.125, timestamp=1_700_000_000_000 + seq, seq=seq)


def claim(store, request_id="r1", worker="w1", **more):
    return store.claim(
        request_id,
        **{"worker": worker, "owner": ALICE, "agent": "terrain", "job_id": None, "lease_until_ms": 5, **more},
    )


def append(store, seqs=(), expected_seq=0, worker="w1", **more):
    store.append(
        "r1",
        worker=worker,
        expected_seq=expected_seq,
        lease_until_ms=99,
        steps=[step(seq) for seq in seqs],
        **more,
    )


class TestCreate:
    def test_a_new_record_is_unclaimed_and_has_time_to_be_claimed(self, store, clock):
        run = store.create("r1", owner=ALICE, agent="terrain", job_id="j1")
        assert run == store.read("r1")
        assert (run.owner, run.agent, run.job_id, run.worker) == (ALICE, "terrain", "j1", None)
        assert (run.status, run.seq, run.steps) == (RunStatus.IN_PROGRESS, 0, ())
        assert run.lease_until_ms == clock.now_ms + 150_000
        assert run.expires_at_epoch_s == clock.now_ms // 1000 + 24 * 3600

    def test_a_record_is_kept_as_long_as_the_store_is_told(self, dynamodb, clock):
        store = RunStore(dynamodb, "AgentProgress", retention_seconds=3600, now_ms=clock)
        store.create("r1", owner=ALICE, agent="terrain")
        claim(store, "r2")
        assert {store.read(name).expires_at_epoch_s for name in ("r1", "r2")} == {clock.now_ms // 1000 + 3600}

    def test_the_table_holds_the_attributes_of_the_contract(self, store, dynamodb):
        store.create("r1", owner=ALICE, agent="terrain")
        item = dynamodb.get_item(TableName="AgentProgress", Key={"requestId": {"S": "r1"}})["Item"]
        assert {name: next(iter(value)) for name, value in item.items()} == {
            "requestId": "S", "steps": "L", "status": "S", "seq": "N", "createdAt": "N", "updatedAt": "N",
            "expiresAt": "N", "userId": "S", "tenantId": "S", "owner": "S", "agent": "S", "leaseUntil": "N",
            "openSince": "N", "openTenant": "S", "pagesExpireAt": "N",
        }  # fmt: skip
        assert item["owner"]["S"] == "acme#alice"

    def test_a_taken_id_is_refused_with_the_run_that_has_it(self, store):
        store.create("r1", owner=ALICE, agent="terrain")
        with pytest.raises(RunExists, match="There is a run r1 already") as refused:
            store.create("r1", owner=Owner("globex", "bob"), agent="terrain")
        assert refused.value.run.owner == ALICE

    def test_an_expired_record_is_in_nobodys_way(self, store, clock):
        store.create("r1", owner=ALICE, agent="terrain")
        clock.now_ms += limits.RETENTION_SECONDS * 1000
        assert store.create("r1", owner=Owner("globex", "bob"), agent="terrain").owner.user_id == "bob"


class TestCreateInJob:
    JOB = "6f1c9d3e-52f0-4b57-9a38-0c4f6f6f2a11"

    def create(self, store, **more):
        return store.create_in_job(
            "r1", **{"owner": ALICE, "agent": "terrain", "job_id": self.JOB, "task_token": "t", **more}
        )

    @pytest.fixture
    def job(self, store):
        return store.create(self.JOB, owner=ALICE, agent="orchestrator", job_id=self.JOB, playbook="two-stages")

    def test_a_run_of_an_open_job_is_created_as_any_run(self, store, job):
        run = self.create(store)
        assert run == store.read("r1")
        alone = store.create("r2", owner=ALICE, agent="terrain", job_id=self.JOB)
        assert run == replace(alone, request_id="r1", task_token="t")
        assert store.read(self.JOB) == job

    def test_a_job_that_has_ended_gets_no_run(self, store, job):
        store.end(job, step(1), End(RunStatus.CANCELLED))
        with pytest.raises(JobClosed) as closed:
            self.create(store)
        assert (closed.value.run.status, store.read("r1")) == (RunStatus.CANCELLED, None)

    def test_another_owners_job_gets_no_run(self, store, job):
        with pytest.raises(JobClosed) as closed:
            self.create(store, owner=BOB)
        assert (closed.value.run, store.read("r1")) == (job, None)

    def test_a_job_that_has_expired_gets_no_run(self, store, job, clock):
        clock.now_ms += limits.RETENTION_SECONDS * 1000
        with pytest.raises(JobClosed):
            self.create(store)
        assert store.read("r1") is None

    def test_a_job_without_a_record_gets_no_run(self, store):
        with pytest.raises(RunGone):
            self.create(store)
        assert store.read("r1") is None

    def test_a_taken_id_is_refused_with_the_run_that_has_it(self, store, job):
        before = store.create("r1", owner=BOB, agent="terrain")
        with pytest.raises(RunExists) as refused:
            self.create(store)
        assert refused.value.run == store.read("r1") == before

    def test_an_ended_job_counts_more_than_a_taken_id(self, store, job):
        self.create(store)
        store.end(job, step(1), End(RunStatus.CANCELLED))
        with pytest.raises(JobClosed):
            self.create(store)

    def test_an_expired_record_is_replaced(self, store, clock):
        store.create("r1", owner=BOB, agent="terrain")
        clock.now_ms += limits.RETENTION_SECONDS * 1000
        store.create(self.JOB, owner=ALICE, agent="orchestrator", job_id=self.JOB, playbook="two-stages")
        assert self.create(store).owner == store.read("r1").owner == ALICE


class TestClaim:
    def test_a_refused_claim_says_what_happened_to_the_run(self, store):
        claim(store)
        with pytest.raises(ClaimRefused, match=r"^Another worker has already claimed this run\. Choose another"):
            claim(store, worker="w2")
        append(store, [1], end=End(RunStatus.COMPLETE))
        with pytest.raises(ClaimRefused, match=r"^This run has already ended \(complete\)\. Choose another"):
            claim(store, worker="w2")
        with pytest.raises(ClaimRefused, match=r"^This requestId is taken\. Choose another one\.$"):
            claim(store, worker="w2", owner=BOB)

    def test_a_claim_makes_the_record_if_there_is_none(self, store, clock):
        run = claim(store)
        assert run == store.read("r1")
        assert (run.worker, run.owner, run.seq, run.created_at_ms) == ("w1", ALICE, 0, clock.now_ms)

    def test_what_the_record_says_wins_over_the_claim(self, store, clock):
        store.create("r1", owner=ALICE, agent="terrain", job_id="j1")
        clock.now_ms += 700
        run = claim(store, agent="other", job_id="j2", lease_until_ms=clock.now_ms + 9)
        assert (run.owner, run.agent, run.job_id) == (ALICE, "terrain", "j1")
        assert run.created_at_ms == clock.now_ms - 700
        assert run.lease_until_ms == clock.now_ms + 9

    def test_another_owners_run_cannot_be_claimed(self, store):
        before = store.create("r1", owner=BOB, agent="terrain")
        with pytest.raises(ClaimRefused):
            claim(store)
        assert store.read("r1") == before

    @pytest.mark.parametrize(("recorded", "claimed"), [("p1", None), (None, "p1"), ("p1", "p2")])
    def test_a_job_is_not_claimed_as_a_run_nor_as_another_playbooks(self, store, recorded, claimed):
        before = store.create("r1", owner=ALICE, agent="orchestrator", playbook=recorded)
        with pytest.raises(ClaimRefused):
            claim(store, playbook=claimed)
        assert store.read("r1") == before

    @pytest.mark.parametrize("claimed_before", [False, True])
    def test_an_expired_record_is_replaced(self, store, clock, claimed_before):
        store.create("r1", owner=BOB, agent="other")
        if claimed_before:
            claim(store, owner=BOB)
            append(store, [1])
        clock.now_ms += limits.RETENTION_SECONDS * 1000
        run = claim(store, worker="w2", job_id="j1", lease_until_ms=clock.now_ms + 5)
        assert store.read("r1") == run
        assert (run.owner, run.agent, run.job_id, run.worker) == (ALICE, "terrain", "j1", "w2")
        assert (run.seq, run.steps, run.created_at_ms) == (0, (), clock.now_ms)
        assert run.expires_at_ms == clock.now_ms + limits.RETENTION_SECONDS * 1000

    def test_of_two_who_replace_an_expired_record_one_does(self, store, clock, monkeypatch):
        store.create("r1", owner=ALICE, agent="terrain")
        clock.now_ms += limits.RETENTION_SECONDS * 1000
        put_if = Table.put_if

        def second(table, *about):
            monkeypatch.undo()
            claim(store, worker="w1", lease_until_ms=clock.now_ms + 5)
            put_if(table, *about)

        monkeypatch.setattr(Table, "put_if", second)
        with pytest.raises(ClaimRefused) as refused:
            claim(store, worker="w2")
        assert (refused.value.run.worker, store.read("r1").worker) == ("w1", "w1")

    def test_a_second_claim_is_refused_and_told_who_has_it(self, store):
        claim(store, worker="w1")
        with pytest.raises(ClaimRefused) as refused:
            claim(store, worker="w2")
        assert refused.value.run.worker == "w1"

    def test_an_event_of_a_record_that_was_deleted_claims_nothing(self, store, clock):
        created_at_ms = store.create("r1", owner=ALICE, agent="terrain").created_at_ms
        store._table._client.delete_item(TableName=TABLE_NAME, Key={"requestId": {"S": "r1"}})
        with pytest.raises(RunGone):
            claim(store, created_at_ms=created_at_ms)
        assert store.read("r1") is None
        clock.now_ms += 1
        again = store.create("r1", owner=ALICE, agent="terrain")
        with pytest.raises(ClaimRefused, match=r"^This requestId is taken\. Choose another one\.$"):
            claim(store, created_at_ms=created_at_ms)
        assert store.read("r1") == again
        assert claim(store, created_at_ms=again.created_at_ms).worker == "w1"

    def test_an_ended_run_cannot_be_claimed(self, store):
        run = store.create("r1", owner=ALICE, agent="terrain")
        store.end(run, step(1, "error"), End(RunStatus.ERROR))
        with pytest.raises(ClaimRefused):
            claim(store)


class TestTheOwner:
    """A record may expire, and its id be taken by another owner, between a read and the write that follows it."""

    def test_an_end_from_outside_is_refused_once_the_record_is_another_owners(self, store, clock):
        run = store.create("r1", owner=ALICE, agent="terrain")
        stood = store.create("r2", owner=BOB, agent="terrain")
        with pytest.raises(AppendRefused):
            store.end(replace(run, request_id="r2"), step(1, "error"), End(RunStatus.ERROR))
        assert store.read("r2") == stood

    def test_another_owners_run_is_not_marked_as_to_be_cancelled(self, store):
        claim(store)
        with pytest.raises(AppendRefused):
            store.ask_to_cancel("r1", BOB)
        assert store.read("r1").cancel_requested_at_ms is None

    def test_another_owners_page_is_not_read(self, store):
        store.put_page("r1", BOB, [step(1)], expires_at_epoch_s=2**40, claim_number=1)
        with pytest.raises(StoreUnavailable, match="Read it again"):
            store.read_pages("r1", ALICE, [1])
        assert store.read_pages("r1", BOB, [1]) == [step(1)]

    def test_a_page_is_replaced_by_a_later_claim_and_not_by_an_earlier_one(self, store):
        about = {"request_id": "r1", "owner": ALICE, "expires_at_epoch_s": 2**40}
        store.put_page(steps=[step(1, "first")], claim_number=1_001, **about)
        store.put_page(steps=[step(1, "second")], claim_number=1_002, **about)
        store.put_page(steps=[step(1, "frozen")], claim_number=1_001, **about)
        assert [each.step for each in store.read_pages("r1", ALICE, [1])] == ["second"]

    def test_a_page_of_a_version_that_did_not_name_owners_is_read(self, store, dynamodb):
        store.put_page("r1", ALICE, [step(1)], expires_at_epoch_s=2**40, claim_number=1)
        key = {"requestId": {"S": "r1#1"}}
        names = {"#owner": "owner"}
        dynamodb.update_item(
            TableName="AgentProgress", Key=key, UpdateExpression="REMOVE #owner", ExpressionAttributeNames=names
        )
        assert store.read_pages("r1", ALICE, [1]) == [step(1)]

    def test_a_jobs_run_is_claimed_only_if_its_job_has_created_it(self, store, clock):
        planned, _, _ = derived_ids("6f1c9d3e-52f0-4b57-9a38-0c4f6f6f2a11", "east")
        with pytest.raises(RunGone):
            claim(store, planned, job_id="6f1c9d3e-52f0-4b57-9a38-0c4f6f6f2a11")
        assert store.read(planned) is None
        store.create(planned, owner=ALICE, agent="terrain", job_id="j1")
        assert claim(store, planned).worker == "w1"
        clock.now_ms += limits.RETENTION_SECONDS * 1000
        with pytest.raises(RunGone):
            claim(store, planned)
        assert store.read(planned) is None


class TestAppend:
    def test_steps_are_appended_in_order_and_the_lease_is_renewed(self, store):
        claim(store)
        append(store, [1, 2])
        append(store, [3], expected_seq=2)
        run = store.read("r1")
        assert run.steps == (step(1), step(2), step(3))
        assert (run.seq, run.lease_until_ms) == (3, 99)

    def test_without_steps_it_is_a_heartbeat(self, store, clock):
        claim(store)
        clock.now_ms += 4000
        append(store)
        run = store.read("r1")
        assert (run.seq, run.updated_at_ms, run.lease_until_ms) == (0, clock.now_ms, 99)

    def test_an_end_sets_what_came_out(self, store):
        claim(store)
        append(store, [1], end=End(RunStatus.COMPLETE, result_json='{"slope": 3.5}'))
        run = store.read("r1")
        assert (run.status, run.result, run.error) == (RunStatus.COMPLETE, {"slope": 3.5}, None)

    @pytest.mark.parametrize(
        "write",
        [
            {"seqs": [1], "expected_seq": 0},  # the same again
            {"seqs": [4], "expected_seq": 3},  # a hole
            {"seqs": [3], "expected_seq": 2, "worker": "w2"},  # a rival
        ],
    )
    def test_a_write_that_does_not_fit_is_refused_whole_and_shown_the_record(self, store, write):
        claim(store)
        append(store, [1, 2])
        with pytest.raises(AppendRefused) as refused:
            append(store, **write)
        assert refused.value.run == store.read("r1")
        assert store.read("r1").steps == (step(1), step(2))

    @pytest.mark.parametrize("status", ["complete", "error", "cancelled"])
    def test_nothing_is_appended_after_an_end(self, store, status):
        claim(store)
        append(store, [1], end=End(RunStatus(status)))
        for more in ({"seqs": [2]}, {"seqs": [2], "end": End(RunStatus.COMPLETE)}, {}):
            with pytest.raises(AppendRefused):
                append(store, expected_seq=1, **more)

    def test_a_waiting_run_goes_on(self, store):
        claim(store)
        append(store, [1], end=End(RunStatus.WAITING))
        append(store, [2], expected_seq=1)
        assert store.read("r1").seq == 2


class TestRead:
    def test_an_unknown_run_is_none(self, store):
        assert store.read("r1") is None

    def test_an_expired_run_is_none_though_dynamodb_still_has_it(self, store, clock):
        store.create("r1", owner=ALICE, agent="terrain")
        clock.now_ms += limits.RETENTION_SECONDS * 1000 - 1000
        assert store.read("r1")
        clock.now_ms += 1000
        assert store.read("r1") is None

    def test_one_unreadable_record_does_not_hide_the_others(self, store, dynamodb, caplog):
        for request_id in ("r1", "r2"):
            store.create(request_id, owner=ALICE, agent="terrain")
        item = dynamodb.get_item(TableName="AgentProgress", Key={"requestId": {"S": "r1"}})["Item"]
        del item["createdAt"]
        dynamodb.put_item(TableName="AgentProgress", Item=item)
        assert [run.request_id for run in store.read_heads(["r1", "r2"])] == ["r2"]
        assert "the record of run r1 cannot be parsed" in caplog.text


class TestNoAnswer:
    @pytest.mark.parametrize("code", ["ThrottlingException", "ProvisionedThroughputExceededException"])
    def test_a_throttled_request_may_be_tried_again(self, store, dynamodb, code):
        with Stubber(dynamodb) as stubber:
            stubber.add_client_error("get_item", code, http_status_code=400)
            with pytest.raises(StoreUnavailable, match=f"DynamoDB answered {code}. Try again."):
                store.read("r1")

    def test_a_time_out_may_be_tried_again(self, store, dynamodb, monkeypatch):
        def time_out(**_):
            raise ReadTimeoutError(endpoint_url="http://dynamodb")

        monkeypatch.setattr(dynamodb, "get_item", time_out)
        with pytest.raises(StoreUnavailable) as unanswered:
            store.read("r1")
        # Users see the message; the address of an endpoint is not for them.
        assert str(unanswered.value) == "DynamoDB gave no answer. Try again."


class TestAnswersToOthers:
    """Two processes that share a connection get each other's answers: the same run's, or another's."""

    @pytest.fixture
    def others(self, store, dynamodb, monkeypatch):
        """Let the next requests be answered with another item, and make a refusal of it if asked."""
        claim(store, "another", worker="w2")
        claim(store, "r1", worker="w2")

        def answer(about, *, refused=False):
            item = dynamodb.get_item(TableName=TABLE_NAME, Key={"requestId": {"S": about}})["Item"]

            def answered(**_):
                if refused:
                    error = {"Error": {"Code": "ConditionalCheckFailedException"}, "Item": item}
                    raise ClientError(error, "UpdateItem")
                return {"Attributes": item, "Item": item}

            for method in ("update_item", "get_item"):
                monkeypatch.setattr(dynamodb, method, answered)

        return answer

    @pytest.mark.parametrize("about", ["another", "r1"])
    def test_a_claim_takes_its_own_only(self, store, others, about):
        others(about)
        with pytest.raises(StoreUnavailable, match="another"):
            claim(store, "r1", worker="w1")

    def test_a_refusal_is_of_its_own_run_only(self, store, others):
        others("another", refused=True)
        with pytest.raises(StoreUnavailable, match="another item than r1"):
            claim(store, "r1", worker="w1")

    def test_a_read_is_of_its_own_run_only(self, store, others):
        others("another")
        with pytest.raises(StoreUnavailable, match="another item than r1"):
            store.read("r1")
