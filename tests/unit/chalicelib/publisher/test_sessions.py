"""Who is watching, by the table of sessions (moto)."""

from __future__ import annotations

import pytest
from chalicelib.publisher import sessions as module
from chalicelib.publisher.sessions import REMEMBERED_MS, Sessions

from runcast.record.model import Owner

ANA = Owner("acme", "ana")
NOW_S = 1_700_000_000


def sessions(client, table_name="user_sessions"):
    return Sessions(client, table_name, now_ms=lambda: NOW_S * 1000)


@pytest.mark.parametrize(("expires_at_epoch_s", "watching"), [(NOW_S + 1, True), (NOW_S, False), (NOW_S - 1, False)])
def test_a_session_counts_until_it_expires(sessions_table, subscribe, expires_at_epoch_s, watching):
    subscribe(ANA, expires_at_epoch_s)
    assert sessions(sessions_table).may_watch(ANA) is watching


@pytest.mark.parametrize("other", [Owner("acme", "bob"), Owner("other", "ana")])
def test_a_session_is_one_users_of_one_tenant(sessions_table, subscribe, other):
    subscribe(ANA)
    assert sessions(sessions_table).may_watch(other) is False


def test_a_look_up_that_fails_counts_as_watching(sessions_table, caplog):
    assert sessions(sessions_table, "no_such_table").may_watch(ANA) is True
    assert "the session could not be looked up, so the messages are sent" in caplog.text


def test_the_look_up_is_consistent(sessions_table, monkeypatch):
    requests = []
    monkeypatch.setattr(sessions_table, "get_item", lambda **request: requests.append(request) or {})
    sessions(sessions_table).may_watch(ANA)
    assert requests[0]["ConsistentRead"] is True


class Clock:
    def __init__(self):
        self.now_ms = NOW_S * 1000

    def __call__(self):
        return self.now_ms


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def remembering(sessions_table, clock):
    return Sessions(sessions_table, "user_sessions", now_ms=clock)


@pytest.mark.parametrize(
    ("later_ms", "watching"), [(0, True), (REMEMBERED_MS - 1, True), (REMEMBERED_MS, False), (-1, False)]
)
def test_an_ended_session_is_seen_after_thirty_seconds(
    remembering, sessions_table, subscribe, clock, later_ms, watching
):
    subscribe(ANA, NOW_S + 90_000)
    assert remembering.may_watch(ANA) is True
    subscribe(ANA, 0)
    clock.now_ms += later_ms
    assert remembering.may_watch(ANA) is watching


def test_a_session_is_looked_up_once_in_thirty_seconds(remembering, sessions_table, subscribe, clock, monkeypatch):
    subscribe(ANA, NOW_S + 90_000)
    looked_up, get_item = [], sessions_table.get_item
    monkeypatch.setattr(
        sessions_table, "get_item", lambda **request: looked_up.append(clock.now_ms) or get_item(**request)
    )
    began_ms = clock.now_ms
    for _ in range(4):
        remembering.may_watch(ANA)
        clock.now_ms += REMEMBERED_MS // 2
    assert looked_up == [began_ms, began_ms + REMEMBERED_MS]


def test_a_new_session_is_seen_at_once(remembering, subscribe):
    assert remembering.may_watch(ANA) is False
    subscribe(ANA, NOW_S + 1)
    assert remembering.may_watch(ANA) is True


@pytest.mark.parametrize("other", [Owner("acme", "bob"), Owner("other", "ana")])
def test_a_remembered_session_is_nobody_elses(remembering, subscribe, other):
    subscribe(ANA, NOW_S + 1)
    assert remembering.may_watch(ANA) is True
    assert remembering.may_watch(other) is False


def test_a_failed_look_up_is_not_remembered(sessions_table, subscribe, clock, monkeypatch):
    sessions = Sessions(sessions_table, "user_sessions", now_ms=clock)
    with monkeypatch.context() as patch:
        patch.setattr(sessions, "_table_name", "no_such_table")
        assert sessions.may_watch(ANA) is True
    assert sessions.may_watch(ANA) is False


def test_the_session_found_first_is_forgotten_first(remembering, sessions_table, subscribe, monkeypatch):
    monkeypatch.setattr(module, "REMEMBERED_MAX_SESSIONS", 2)
    owners = [Owner("acme", name) for name in ("ana", "bob", "eve")]
    for owner in owners:
        subscribe(owner, NOW_S + 1)
        assert remembering.may_watch(owner) is True
        subscribe(owner, 0)
    assert [remembering.may_watch(owner) for owner in owners] == [False, True, True]
