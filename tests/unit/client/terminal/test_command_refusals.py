"""What the command says when it cannot do what it is asked: one line, and an exit code."""

from __future__ import annotations

import os

import pytest

from runcast.client.config import ClientConfig
from runcast.client.terminal.command import main
from tests.fakes.appsync import FakeAppSync
from tests.fakes.appsync_records import ServiceError
from tests.unit.client.terminal.conftest import REQUEST_ID, Run, environment, two_steps


async def test_a_refusal_is_one_line(server: FakeAppSync, run: Run, capsys: pytest.CaptureFixture[str]):
    server.start_error = ServiceError("BadRequest", "agent is 'x'; known agents: terrain.")

    assert await run("run", "x", "Where?") == 2
    assert capsys.readouterr() == ("", "runcast: agent is 'x'; known agents: terrain.\n")


async def test_a_start_over_a_limit_is_one_line(server: FakeAppSync, run: Run, capsys: pytest.CaptureFixture[str]):
    message = "A user may start 60 runs and jobs a minute. Try again in 12 s."
    server.start_error = ServiceError("TooManyRequests", message, {"retryAfter": 12})

    assert await run("run", "terrain", "Where?") == 2
    assert capsys.readouterr() == ("", f"runcast: {message}\n")


@pytest.mark.parametrize("command", ["watch", "show", "cancel"])
async def test_an_unknown_run_is_one_line(run: Run, capsys: pytest.CaptureFixture[str], command: str):
    assert await run(command, REQUEST_ID) == 2
    assert capsys.readouterr() == ("", f"runcast: {REQUEST_ID}: There is no such run.\n")


async def test_a_wrong_password_is_one_line(
    run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("RUNCAST_PASSWORD", "wrong")

    assert await run("show", REQUEST_ID) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("runcast: Signing in as 'alice' was refused: Incorrect username or password.")


async def test_a_service_that_is_not_there_is_one_line(
    run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("RUNCAST_GRAPHQL_URL", "http://127.0.0.1:9/graphql")

    assert await run("run", "terrain", "Where?", "--no-live", "--request-id", REQUEST_ID) == 1
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("runcast: http://127.0.0.1:9/graphql cannot be reached: ")
    assert "may have been started" not in err


def test_missing_settings_are_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    for name in [name for name in os.environ if name.startswith("RUNCAST_")]:
        monkeypatch.delenv(name)

    assert main(["show", REQUEST_ID]) == 2
    assert capsys.readouterr().err == (
        "runcast: Set these environment variables: RUNCAST_GRAPHQL_URL, RUNCAST_USER_POOL_CLIENT_ID, "
        "RUNCAST_REGION, RUNCAST_USERNAME, RUNCAST_PASSWORD.\n"
    )


@pytest.mark.parametrize("region", ["eu west 1", "eu", "eu-west-1/", "EU-WEST-1", "-", "http://eu-west-1"])
def test_a_malformed_region_is_one_line(
    config: ClientConfig, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, region: str
):
    for name, value in environment(config).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("RUNCAST_REGION", region)

    assert main(["show", REQUEST_ID]) == 2
    assert capsys.readouterr() == (
        "",
        f"runcast: RUNCAST_REGION is {region!r}; give an AWS region, such as eu-west-1.\n",
    )


@pytest.mark.parametrize("command", [["token"], ["run", "terrain", "Where?"], ["list"]])
async def test_an_unknown_aws_profile_plays_no_part(
    server: FakeAppSync,
    run: Run,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    command: list[str],
):
    monkeypatch.setenv("AWS_PROFILE", "nosuch")
    server.script = two_steps

    assert (await run(*command), capsys.readouterr().err) == (0, "")


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:9", "nonsense", "http://[", "socks9://127.0.0.1:9"])
@pytest.mark.parametrize("command", [["token"], ["run", "terrain", "Where?"]])
async def test_a_proxy_that_is_of_no_use_is_one_line(
    run: Run,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    proxy: str,
    command: list[str],
):
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, proxy)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")

    code = await run(*command)

    out, err = capsys.readouterr()
    assert (code in (1, 2), out, err.count("\n")) == (True, "", 1), err
    assert "may have been started" not in err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--parameters", "[1]"], "argument --parameters: parameters must be a JSON object."),
        (["--parameters", "{"], "argument --parameters: parameters must be a JSON object. Expecting property name"),
        (["--parameters", "[" * 50_000], "argument --parameters: parameters must be a JSON object."),
        (["--parameters", '{"a": {"b": NaN}}'], "argument --parameters: parameters.a.b is NaN, which is no JSON."),
        (["--parameters", '{"a": 1e400}'], "argument --parameters: parameters.a is Infinity, which is no JSON."),
        (["--parameters", '{"a":' * 101 + "1" + "}" * 101], "is nested deeper than 100, which is no JSON."),
        (["--request-id", "x"], "argument --request-id: must be a UUID"),
        (["--timeout-seconds", "0"], "argument --timeout-seconds: must be a number of seconds above 0"),
        (["--timeout-seconds", "soon"], "argument --timeout-seconds: must be a number of seconds above 0"),
    ],
)
def test_wrong_usage_is_refused(arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as caught:
        main(["run", "terrain", "Where?", *arguments])

    assert caught.value.code == 2
    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize("limit", ["0", "-1", "many", "1.5"])
def test_a_wrong_limit_is_refused(limit: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as caught:
        main(["list", f"--limit={limit}"])

    assert caught.value.code == 2
    assert "argument --limit: must be a whole number above 0" in capsys.readouterr().err


def test_help_lists_the_exit_codes(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        main(["--help"])

    shown = capsys.readouterr().out
    assert [line.split()[0] for line in shown.split("exit codes:")[1].split("\n\n")[0].splitlines() if line] == [
        "0",
        "1",
        "2",
        "3",
        "4",
        "5",
        "6",
        "129",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("list", "--user", "ana"), "--user is for operators: add --operator."),
        (("list", "--older-than-minutes", "5"), "--older-than-minutes is for operators: add --operator."),
        (("forget", "--tenant", "acme"), "--tenant is for operators: add --operator."),
        (
            ("forget", "--operator", "--user", "ana"),
            "Name the user whose runs are deleted: --tenant ID --user ID.",
        ),
    ],
)
async def test_an_operators_options_need_each_other(
    run: Run, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
):
    assert await run(*arguments) == 2
    assert capsys.readouterr() == ("", f"runcast: {message}\n")


async def test_an_operator_without_credentials_is_told_so(
    run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)

    assert await run("list", "--operator") == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("runcast: AWS credentials were not found.")
