"""No secret leaves the process on any way, and the text beside it does."""

from __future__ import annotations

import json
import logging

import pytest
from chalicelib.api.answer import answer_of
from chalicelib.runtime.logs import JsonFormatter

from runcast import limits, redaction
from runcast.errors import InvalidInput
from runcast.live.publish import publish_status
from runcast.record.close import close_dead
from runcast.record.model import Owner, RunStatus
from runcast.redaction import REDACTED, redact, redact_json, redact_with
from runcast.text import shortened
from tests.fakes.secrets import CANARY, SECRETS, check_told, every_secret
from tests.unit.record.recording import FailingStore, Live, make

HARMLESS = [
    "basic understanding of things", "Bearer responsibilities matter", "max_tokens=4096, inputTokens: 12",
    "the password was reset", "sk-learn is a library", "https://example.com:8080/a@b", "a task-force of tokens: 500",
    "3f2504e0-4f89-41d3-9a0c-0305e82c3301", "arn:aws:lambda:eu-west-1:123456789012:function:my-agent", "見出し: 鍵",
    "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prices-AbCdEf", "token usage: 5", "password reset: sent",
    "password: required", "api_key: str = None", "authorization: required for all paths", "secret: none given",
    "Cookie: a small sweet biscuit", "next token: 5, sig = 3",
]  # fmt: skip


@pytest.fixture(autouse=True)
def _default(monkeypatch):
    monkeypatch.setattr(redaction, "_in_use", redact)


@every_secret
def test_a_secret_is_replaced_and_what_is_beside_it_stays(secret):
    told = redact(f"before {secret} after", "message")
    check_told(told)
    assert REDACTED in told
    assert redact(told, "message") == told


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_text_stays(text):
    assert redact(text, "message") == text


@pytest.mark.parametrize(
    "name",
    ["password", "dbPassword", "DB_PASSWORD", "api-key", "apiKey", "Authorization", "token", "sessionToken",
     "clientSecret", "aws_secret_access_key", "connection string"],
)  # fmt: skip
def test_a_field_that_is_named_so_is_a_secret_as_a_whole(name):
    assert redact_json({"a": [{name: "short"}]}, "metadata") == {"a": [{name: REDACTED}]}
    assert redact_json({name: {"value": ["x"]}}, "metadata") == {name: REDACTED}
    assert redact_json({name: None}, "metadata") == {name: None}


@pytest.mark.parametrize("name", ["inputTokens", "tokens", "secretary", "passwordless", "monkeys"])
def test_other_fields_stay(name):
    assert redact_json({name: 12}, "metadata") == {name: 12}


@pytest.mark.parametrize(
    "text",
    ["-----BEGIN A-----" * 20_000, "basic " * 50_000, "bearer " + "a" * 300_000, "password=" * 30_000,
     "http://" * 40_000, "-----BEGIN A-----" + " aaaaaaaaaaaaaaaaaaaa" * 20_000,
     "a://" + "b:" * 100_000, "SG." + "a." * 100_000, "eyJ" * 100_000, "-----BEGIN " * 20_000,
     "eyJ-" * 25_000, "cookie: a=b; " * 8_000, 'password: "' * 9_000, "secret   " * 11_000, "%3a%2f%2f" * 11_000],
)  # fmt: skip
def test_hostile_text_takes_no_longer_than_other_text(text):
    assert redact(text, "message")


@every_secret
def test_nothing_of_a_run_holds_a_secret(store, clock, secret):
    live = Live(store)
    recorder = make(store, clock, agent=f"before {secret} after", send=live)
    recorder.claim()
    told = f"before {secret} after"
    recorder.record(
        told[:100], told, agent_name=told, tool_name=told, status="calling_tool",
        metadata={told: "key", "deep": [{"value": told}]},
    )  # fmt: skip
    recorder.end(RunStatus.ERROR, told, result={"text": told, told: 1}, error=told, metadata={"why": told})
    run = store.read("r1")
    for part in (run.agent, run.error, json.dumps(run.result), *(json.dumps(step.to_json()) for step in run.steps)):
        check_told(part)
    check_told(json.dumps(live.messages))
    assert len(live.messages) == len(run.steps) == 2


def test_an_end_that_is_handed_over_holds_no_secret(store, clock, monkeypatch):
    monkeypatch.setattr(limits, "ADDED_TIME_SECONDS", 0.2)
    events, told = [], f"before {SECRETS['JWT']} after"
    recorder = make(
        FailingStore(store, ["before"] * 100_000),
        clock,
        remaining_ms=60_000,
        hand_over=lambda event: not events.append(event),
    )
    recorder.claim(wait_seconds=0)
    recorder.end(RunStatus.ERROR, told, result=told, error=told, metadata={"why": told})
    [event] = events
    check_told(json.dumps(event))


def test_the_end_of_a_dead_worker_holds_no_secret(store, clock):
    store.create("r1", owner=Owner("acme", "alice"), agent="terrain")
    close_dead(store, "r1", invocation="i", detail=f"before {SECRETS['URL']} after", now_ms=clock)
    run = store.read("r1")
    check_told(run.error)
    check_told(run.steps[-1].message)


class Channel:
    """A publisher that keeps what it sends."""

    def send(self, messages):
        self.messages = messages


@every_secret
def test_a_notice_holds_no_secret(secret):
    channel, told = Channel(), f"before {secret} after"
    publish_status("ana", "working", told, tool_name=told, agent_name=told, metadata={told: [told]}, publisher=channel)
    check_told(json.dumps(channel.messages))


def test_log_lines_and_stack_traces_hold_no_secret(caplog):
    told = f"before {SECRETS['GitHub']} after"
    try:
        raise ValueError(told)
    except ValueError:
        logging.getLogger("chalicelib.any").exception("it failed: %s", told)
    line = JsonFormatter("agent").format(caplog.records[-1])
    check_told(line)
    assert json.loads(line)["stackTrace"].count(REDACTED) == 1


def test_error_answers_hold_no_secret():
    def serve():
        raise InvalidInput(f"before {SECRETS['Stripe']} after")

    check_told(answer_of(serve)["error"]["message"])


def test_a_notice_that_is_too_long_is_redacted_before_it_is_shortened():
    channel = Channel()
    told = "x" * (limits.MESSAGE_MAX_CHARACTERS - 54) + f" {SECRETS['OpenAI']} " + "y" * 100
    publish_status("ana", "working", told, publisher=channel)
    assert CANARY not in json.dumps(channel.messages)


@every_secret
def test_a_secret_that_is_shortened_anywhere_is_not_shown(secret):
    """Steps are shortened when they are reported, and redacted when they are written."""
    told = f"before {secret} after {'x ' * 60}"
    for most in range(40, len(told)):
        assert CANARY[:5] not in redact(shortened(told, most), "message").lower()


def test_a_function_of_ones_own_takes_its_place(store, clock):
    redact_with(lambda text, where: redact(text, where).replace("Umbrella", f"[{where}]"))
    recorder = make(store, clock)
    recorder.claim()
    recorder.record("thinking", f"Umbrella {SECRETS['Google']}", metadata={"client": "Umbrella"})
    recorder.end(RunStatus.COMPLETE, "Done", result="for Umbrella")
    run = store.read("r1")
    assert run.steps[0].message == f"[message] {REDACTED}"
    assert run.steps[0].to_json()["metadata"] == {"client": "[metadata]"}
    assert run.result == "for [result]"


def fail(text, where):
    raise KeyError(text)


@pytest.mark.parametrize("function", [fail, lambda text, where: None])
def test_what_a_failing_function_did_not_look_at_is_left_out(store, clock, function):
    redact_with(function)
    recorder = make(store, clock)
    recorder.claim()
    recorder.record("thinking", "secret of some kind")
    recorder.end(RunStatus.COMPLETE, "Done")
    assert [step.message for step in store.read("r1").steps] == [REDACTED, REDACTED]


def test_limits_hold_though_a_replacement_is_longer(store, clock):
    recorder = make(store, clock)
    recorder.claim()
    many = "pwd=abc " * 1_000
    recorder.record("thinking", many, metadata={str(number): many[:160] for number in range(45)})
    recorder.end(RunStatus.ERROR, "Failed", result=many * 8, error=many)
    run = store.read("r1")
    assert len(run.steps[0].message) <= limits.MESSAGE_MAX_CHARACTERS
    assert len(run.error) <= limits.ERROR_MAX_CHARACTERS
    assert run.steps[0].message.startswith("pwd=[redacted] pwd=[redacted]")
    assert len(run.steps[0].metadata_json) <= limits.METADATA_MAX_BYTES
    assert len(run.result_json) <= limits.RESULT_MAX_BYTES
    assert "abc" not in repr(run)


def test_a_password_in_a_url_that_was_cut_is_found():
    assert redact("at postgres://alice:Q7cAnArY… [shortened from 1,200 characters]", "message") == (
        f"at postgres://alice:{REDACTED}… [shortened from 1,200 characters]"
    )
    assert redact("at http://localhost:8080… [shortened]", "message") == "at http://localhost:8080… [shortened]"


@pytest.mark.parametrize("size", [1, 3, 40])
@every_secret
def test_a_secret_in_streamed_text_is_not_shown(secret, size):
    """A model's text is shown as far as `finished` says, and the rest is held until more has arrived."""
    text, held, shown = f"A few words before {secret} after it, and many more words.", "", ""
    for begin in range(0, len(text), size):
        held += text[begin : begin + size]
        count = redaction.finished(held)
        shown, held = shown + redact(held[:count], "text"), held[count:]
    check_told(shown + redact(held, "text"))


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("密码是password=hunter22，请保密", f"密码是password={REDACTED}，请保密"),  # noqa: RUF001
        ('{"password": "a \\" b", "next": 1}', f'{{"password": "{REDACTED}", "next": 1}}'),
        ("Config(password=ab{cd, user=ana)", f"Config(password={REDACTED}, user=ana)"),
        ("login(password=hunter22)", f"login(password={REDACTED})"),
        ("password: none-of-yours", f"password: {REDACTED}"),
    ],
)
def test_a_value_is_replaced_up_to_its_end(text, cleaned):
    assert redact(text, "message") == cleaned


def test_a_word_after_basic_stays():
    assert redact("Basic Training is done", "message") == "Basic Training is done"
