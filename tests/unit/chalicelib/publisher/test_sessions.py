"""Who is watching, by the table of sessions (moto)."""

from __future__ import annotations

import pytest
from chalicelib.publisher.sessions import Sessions

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
