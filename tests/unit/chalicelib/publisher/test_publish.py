"""From an event to AppSync: who gets it, what is counted, and that nothing is ever raised."""

from __future__ import annotations

import pytest
import requests
from botocore.credentials import Credentials
from chalicelib.publisher.appsync import AppSync
from chalicelib.publisher.publish import Publisher, publish_event
from chalicelib.publisher.sessions import Sessions
from chalicelib.runtime import logs

from runcast.record.model import Owner
from tests.fakes.lambda_process import fresh_process

BOB = Owner("acme", "bob")


@pytest.fixture
def counted():
    return []


@pytest.fixture
def publisher(sessions_table, appsync, counted):
    with requests.Session() as session:
        sender = AppSync(
            appsync.url,
            region="us-east-1",
            credentials=Credentials("a", "b"),
            session=session,
            mutations_per_request=50,
        )
        yield Publisher(
            Sessions(sessions_table, "user_sessions"),
            lambda: sender,
            count=lambda published, not_published: counted.append((published, not_published)),
        )


def test_a_watching_user_gets_the_messages(publisher, appsync, subscribe, message, counted):
    subscribe()
    assert publisher.publish({"messages": [message(1), message(2)]}) == {"published": 2, "notPublished": {}}
    assert [sent["seq"] for sent in appsync.received[0].json["variables"].values()] == [1, 2]
    assert counted == [(2, {})]


def test_without_a_session_nothing_is_sent(publisher, appsync, message, counted, caplog):
    assert publisher.publish(message()) == {"published": 0, "notPublished": {"no_session": 1}}
    assert appsync.received == []
    assert counted == [(0, {"no_session": 1})]
    assert f"user {logs.user_hash(Owner('acme', 'ana'))} of tenant acme has no session: nothing is sent" in caplog.text
    assert "user ana" not in caplog.text


def test_a_batch_for_two_users_reaches_who_watches(publisher, appsync, subscribe, message, counted):
    subscribe()
    answer = publisher.publish({"messages": [message(1, BOB), message(2), message(3, BOB)]})
    assert answer == {"published": 1, "notPublished": {"no_session": 2}}
    assert [sent["userId"] for sent in appsync.received[0].json["variables"].values()] == ["ana"]
    assert counted == [(1, {"no_session": 2})]


def test_what_appsync_refuses_is_counted(publisher, appsync, subscribe, message, counted):
    subscribe()
    appsync.answer = lambda request: (200, {"data": {"m0": None, "m1": {}}})
    answer = publisher.publish({"messages": [message(1), message(2)]})
    assert answer == {"published": 1, "notPublished": {"failed": 1}}
    assert counted == [(1, {"failed": 1})]


def test_an_event_over_the_limit_is_refused_with_a_warning(publisher, appsync, message, counted, caplog):
    assert publisher.publish({"messages": [message()] * 51}) == {"published": 0, "notPublished": {"refused": 1}}
    assert appsync.received == []
    assert counted == [(0, {"refused": 1})]
    assert "the event was refused: messages must be 1 to 50, not 51." in caplog.text


def test_a_failed_look_up_publishes(publisher, appsync, message, sessions_table):
    sessions_table.delete_table(TableName="user_sessions")
    assert publisher.publish(message()) == {"published": 1, "notPublished": {}}


def test_the_lambda_is_put_together_from_its_environment(appsync, subscribe, message, monkeypatch, log_lines):
    monkeypatch.setenv("APPSYNC_API_URL", appsync.url)
    monkeypatch.setenv("APPSYNC_API_ID", "api1")
    monkeypatch.setenv("USER_SESSIONS_TABLE", "user_sessions")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("MUTATIONS_PER_REQUEST", "1")
    subscribe()
    with fresh_process():
        assert publish_event({"messages": [message(1), message(2)]}) == {"published": 2, "notPublished": {}}
        assert publish_event(message(3, BOB))["notPublished"] == {"no_session": 1}
    assert len(appsync.received) == 2
    counted = [line for line in log_lines.read() if "_aws" in line]
    assert [(line["MessagesPublished"], line["MessagesUnwatched"]) for line in counted] == [(2, 0), (0, 1)]
    assert {line["apiId"] for line in counted} == {"api1"}


def test_a_broken_environment_does_not_raise(monkeypatch, message, caplog):
    for name in ("APPSYNC_API_URL", "APPSYNC_API_ID", "USER_SESSIONS_TABLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    with fresh_process():
        assert publish_event(message()) == {"published": 0, "notPublished": {"broken": 1}}
    assert "Set these environment variables: APPSYNC_API_URL, APPSYNC_API_ID, USER_SESSIONS_TABLE." in caplog.text
