from __future__ import annotations

import pytest

from runcast import limits
from runcast.errors import AppendRefused, ConversationChanged, RunExists
from runcast.record.cancel import cancel
from runcast.record.close import close_dead, close_unclaimed
from runcast.record.conversation import Conversation
from runcast.record.model import EndReason, Owner, Run, RunStatus, Step
from runcast.record.store import End, RunStore

ALICE, BOB = Owner("acme", "alice"), Owner("acme", "bob")
CHAT = "0c0ffee0-0000-4000-8000-000000000001"


def begin(store: RunStore, request_id: str, owner: Owner = ALICE, conversation_id: str = CHAT, **more) -> Run:
    """Begin the next turn from the conversation as it is."""
    before = more.pop("before", None) or store.read_conversation(owner, conversation_id)
    return store.create_turn(
        request_id, owner=owner, agent="terrain", conversation_id=conversation_id, before=before,
        snapshot_key=before.snapshot_key if before else None, query="Where is it windy?", **more,
    )  # fmt: skip


def end(store: RunStore, run: Run, status: RunStatus = RunStatus.COMPLETE, snapshot_key: str | None = None) -> None:
    """Claim a run and end it as its worker does."""
    claimed = store.claim(
        run.request_id, worker="w1", owner=run.owner, agent="terrain", job_id=None,
        lease_until_ms=store.now_ms() + limits.LEASE_MS,
    )  # fmt: skip
    last = Step(status.value, "Done", 1.0, store.now_ms(), claimed.seq + 1)
    store.append(
        run.request_id, worker="w1", expected_seq=claimed.seq, lease_until_ms=store.now_ms() + limits.LEASE_MS,
        steps=[last], end=End(status, snapshot_key=snapshot_key), conversation_key=claimed.conversation_key,
    )  # fmt: skip


def conversation(store: RunStore, owner: Owner = ALICE) -> Conversation:
    found = store.read_conversation(owner, CHAT)
    assert found is not None
    return found


class TestTurns:
    def test_the_first_turn_creates_the_conversation(self, store, clock):
        run = begin(store, "r1")
        assert store.read("r1") == run
        assert (run.conversation_id, run.turn_snapshot_key) == (CHAT, None)
        assert conversation(store) == Conversation(
            ALICE, CHAT, "terrain", "Where is it windy?", clock.now_ms, limits.CONVERSATION_RETENTION_SECONDS,
            clock.now_ms // 1000 + limits.CONVERSATION_RETENTION_SECONDS, open_run="r1", runs=("r1",),
        )  # fmt: skip

    def test_a_turn_begins_from_the_state_that_the_last_one_saved(self, store, clock):
        end(store, begin(store, "r1"), snapshot_key="s1")
        assert (conversation(store).snapshot_key, conversation(store).open_run) == ("s1", None)
        clock.now_ms += 5
        run = begin(store, "r2")
        assert run.turn_snapshot_key == "s1"
        assert (conversation(store).open_run, conversation(store).runs) == ("r2", ("r1", "r2"))
        assert conversation(store).last_turn_at_ms == clock.now_ms

    def test_a_saved_turn_renews_the_conversations_life(self, store, clock):
        run = begin(store, "r1")
        clock.now_ms += 60_000
        end(store, run, snapshot_key="s1")
        kept_until_s = clock.now_ms // 1000 + limits.CONVERSATION_RETENTION_SECONDS
        assert conversation(store).expires_at_epoch_s == kept_until_s
        clock.now_ms += 60_000
        end(store, begin(store, "r2"), RunStatus.ERROR)
        assert conversation(store).expires_at_epoch_s == kept_until_s

    def test_an_open_run_outlives_the_conversations_last_day(self, store, clock):
        end(store, begin(store, "r1"), snapshot_key="s1")
        clock.now_ms += (limits.CONVERSATION_RETENTION_SECONDS - 60) * 1000
        run = begin(store, "r2")
        assert conversation(store).expires_at_epoch_s == run.pages_expire_at_epoch_s

    def test_a_failed_turn_keeps_the_state_from_before(self, store):
        end(store, begin(store, "r1"), snapshot_key="s1")
        end(store, begin(store, "r2"), RunStatus.ERROR)
        assert (conversation(store).snapshot_key, conversation(store).open_run) == ("s1", None)
        assert store.read("r2").turn_snapshot_key is None

    def test_a_complete_turn_whose_state_was_not_saved_keeps_the_state_from_before(self, store):
        end(store, begin(store, "r1"), snapshot_key="s1")
        end(store, begin(store, "r2"))
        assert (conversation(store).snapshot_key, conversation(store).open_run) == ("s1", None)
        assert (store.read("r2").status, store.read("r2").turn_snapshot_key) == (RunStatus.COMPLETE, None)

    def test_whoever_ends_a_run_ends_the_turn(self, store, clock):
        assert close_unclaimed(store, begin(store, "r1"), message="No worker.")
        assert conversation(store).open_run is None
        begin(store, "r2")
        assert cancel(store, ALICE, "r2").run == store.read("r2")
        assert conversation(store).open_run is None
        begin(store, "r3")
        clock.now_ms += limits.QUEUED_LEASE_MS + limits.CLOSE_GRACE_MS + 1
        closed = close_dead(store, "r3")
        assert closed is not None
        assert (closed.run, closed.run.reason) == (store.read("r3"), EndReason.NEVER_CLAIMED)
        assert conversation(store).open_run is None

    def test_a_pause_does_not_end_the_turn(self, store):
        end(store, begin(store, "r1"), RunStatus.WAITING, snapshot_key="pause")
        assert (conversation(store).open_run, conversation(store).snapshot_key) == ("r1", None)
        assert store.read("r1").snapshot_key == "pause"

    def test_of_two_turns_at_once_one_begins(self, store):
        end(store, begin(store, "r1"), snapshot_key="s1")
        before = conversation(store)
        begin(store, "r2", before=before)
        with pytest.raises(ConversationChanged):
            begin(store, "r3", before=before)
        assert (store.read("r3"), conversation(store).open_run) == (None, "r2")

    def test_of_two_first_turns_at_once_one_begins(self, store):
        begin(store, "r1")
        with pytest.raises(ConversationChanged):
            store.create_turn(
                "r2", owner=ALICE, agent="terrain", conversation_id=CHAT, before=None, snapshot_key=None, query="q"
            )
        assert (store.read("r2"), conversation(store).open_run) == (None, "r1")

    def test_a_taken_request_id_changes_no_conversation(self, store):
        store.create("r1", owner=BOB, agent="terrain")
        with pytest.raises(RunExists) as refused:
            begin(store, "r1")
        assert refused.value.run.owner == BOB
        assert store.read_conversation(ALICE, CHAT) is None

    def test_an_id_that_is_used_again_after_its_record_has_expired_is_named_once(self, store, clock):
        end(store, begin(store, "r1"))
        end(store, begin(store, "r2"))
        clock.now_ms += 1000 * (limits.RETENTION_SECONDS + limits.QUESTION_RETENTION_SECONDS + 1)
        begin(store, "r1")
        assert conversation(store).runs == ("r2", "r1")

    def test_a_refused_end_ends_no_turn(self, store):
        run = begin(store, "r1")
        with pytest.raises(AppendRefused):
            store.append(
                "r1", worker="another", expected_seq=0, lease_until_ms=1, steps=[Step("complete", "Done", 1.0, 1, 1)],
                end=End(RunStatus.COMPLETE, snapshot_key="theirs"), conversation_key=run.conversation_key,
            )  # fmt: skip
        assert (conversation(store).open_run, conversation(store).snapshot_key) == ("r1", None)

    def test_a_run_ends_without_its_conversation(self, store, clock):
        run = begin(store, "r1")
        clock.now_ms += limits.CONVERSATION_RETENTION_SECONDS * 1000
        begin(store, "r2")  # the first conversation has expired, and its open run with it
        clock.now_ms -= limits.CONVERSATION_RETENTION_SECONDS * 1000
        end(store, run, snapshot_key="s1")
        assert store.read("r1").status is RunStatus.COMPLETE
        assert (conversation(store).open_run, conversation(store).snapshot_key) == ("r2", None)


class TestConversations:
    def test_the_same_id_of_two_owners_names_two_conversations(self, store):
        begin(store, "r1")
        assert store.read_conversation(BOB, CHAT) is None
        begin(store, "r2", owner=BOB)
        assert (conversation(store).open_run, conversation(store, BOB).open_run) == ("r1", "r2")

    def test_an_expired_conversation_begins_again(self, store, clock):
        end(store, begin(store, "r1"), snapshot_key="s1")
        clock.now_ms += limits.CONVERSATION_RETENTION_SECONDS * 1000
        assert store.read_conversation(ALICE, CHAT) is None
        assert begin(store, "r2").turn_snapshot_key is None
        assert conversation(store).runs == ("r2",)

    def test_a_conversation_is_no_run_and_no_run_a_conversation(self, store):
        run = begin(store, "r1")
        assert store.read(run.conversation_key) is None
        assert store.newest_ids(ALICE, limit=9, after=None) == (["r1"], None)

    def test_conversations_are_listed_by_their_newest_turn(self, store, clock):
        ids = [f"0c0ffee0-0000-4000-8000-00000000000{n}" for n in range(3)]
        for n in range(3):
            begin(store, f"r{n}", conversation_id=ids[n])
            begin(store, f"b{n}", owner=BOB, conversation_id=ids[n])
            end(store, store.read(f"r{n}"), snapshot_key=f"s{n}")
            clock.now_ms += 1
        begin(store, "r3", conversation_id=ids[0])
        first, after = store.newest_conversations(ALICE, limit=2, after=None)
        rest, _ = store.newest_conversations(ALICE, limit=2, after=after)
        assert [each.conversation_id for each in [*first, *rest]] == [ids[0], ids[2], ids[1]]
        assert {each.owner for each in [*first, *rest]} == {ALICE}

    def test_a_deleted_conversation_has_no_content_and_takes_no_turn(self, store):
        end(store, begin(store, "r1"), snapshot_key="s1")
        before = conversation(store)
        store.delete_conversation(before)
        left = conversation(store)
        assert (left.deleted, left.title, left.snapshot_key, left.runs) == (True, "", None, ())
        assert store.newest_conversations(ALICE, limit=9, after=None) == ([], None)
        for each in (before, left):
            with pytest.raises(ConversationChanged):
                begin(store, "r2", before=each)
        with pytest.raises(ConversationChanged):
            store.delete_conversation(before)

    def test_a_conversation_with_a_turn_that_has_just_begun_is_not_deleted(self, store):
        end(store, begin(store, "r1"), snapshot_key="s1")
        before = conversation(store)
        begin(store, "r2")
        with pytest.raises(ConversationChanged):
            store.delete_conversation(before)
        assert conversation(store).open_run == "r2"
