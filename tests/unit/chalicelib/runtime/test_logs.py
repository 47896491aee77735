"""Every log line is complete JSON and names the right run, for any content and any caller."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from chalicelib.runtime import logs

from runcast import limits
from runcast.clock import epoch_ms
from runcast.record.model import PUBLIC, Owner
from runcast.record.recorder import Recorder
from tests.fakes.lambda_process import Context

PROJECT = Path(__file__).parents[4]
logger = logging.getLogger("chalicelib.test")


class Unwritable:
    def __str__(self):
        raise RuntimeError("no text")

    __repr__ = __str__


def test_a_line_says_when_where_and_whose(log_lines):
    logs.begin_invocation(Context("lambda-1"))
    logger.info("before the run is known")
    logs.about_run("run-1")
    logs.about_owner(Owner("acme", "ana@example.com"))
    logger.warning("took %d tries", 3)
    first, second = log_lines.read()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", second.pop("timestamp"))
    assert second == {
        "level": "WARNING",
        "message": "took 3 tries",
        "logger": "chalicelib.test",
        "function": "dev-runcast-agent",
        "awsRequestId": "lambda-1",
        "requestId": "run-1",
        "tenantId": "acme",
        "userHash": hashlib.sha256(b"acme#ana@example.com").hexdigest()[:16],
    }
    assert (first["awsRequestId"], {"requestId", "tenantId", "userHash"} & first.keys()) == ("lambda-1", set())


def test_an_exception_is_one_line_with_its_stack(log_lines):
    try:
        try:
            json.loads("{")
        except ValueError as cause:
            raise RuntimeError("two\nlines") from cause
    except RuntimeError:
        logger.exception("it failed")
    [line] = log_lines.read()
    assert (line["level"], line["errorType"], line["errorMessage"]) == ("ERROR", "RuntimeError", "two\nlines")
    assert "JSONDecodeError" in line["stackTrace"]
    assert __file__ in line["stackTrace"]


@pytest.mark.parametrize("arguments", [("%d", "none"), ("%s", Unwritable()), (Unwritable(),)])
def test_what_cannot_be_written_is_named(arguments):
    record = logging.LogRecord("a", logging.ERROR, __file__, 1, arguments[0], arguments[1:], None)
    line = json.loads(logs.JsonFormatter("f").format(record))
    assert re.fullmatch(r"a message of test_logs.py:\d+ cannot be written: \w+", line["message"])


def test_any_text_fits(log_lines):
    logs.begin_invocation(Context())
    logs.about_run("x" * 1000)
    logger.error("half a pair \ud800, then %s", "y" * 40_000)
    [line] = log_lines.read()
    assert line["message"].startswith("half a pair \ufffd, then yyy")
    assert len(line["message"]) == logs.TEXT_MAX_CHARACTERS
    assert len(line["requestId"]) == limits.REQUEST_ID_MAX_CHARACTERS


def test_a_thread_of_an_earlier_run_logs_for_that_run(log_lines):
    """The recorder may still be trying to write when Lambda has handed its process the next run."""
    next_run_began = threading.Event()

    class Store:
        now_ms = staticmethod(epoch_ms)

        def learn_time(self):
            pass

        def claim(self, *_, **__):
            next_run_began.wait(10)
            raise TimeoutError("no answer")

    logs.begin_invocation(Context("lambda-1"))
    logs.about_run("run-1")
    recorder = Recorder(Store(), request_id="run-1", owner=PUBLIC, agent="terrain", worker="w")
    recorder._writing.start()
    logs.begin_invocation(Context("lambda-2"))
    logs.about_run("run-2")
    other = threading.Thread(target=logger.info, args=("of nobody's context",))
    other.start()
    other.join()
    next_run_began.set()
    recorder._writer.give_up()
    recorder._writing.join()
    ids = {line["logger"]: (line["requestId"], line["awsRequestId"]) for line in log_lines.read()}
    assert ids["runcast.record.writer"] == ("run-1", "lambda-1")
    assert ids["chalicelib.test"] == ("run-2", "lambda-2")


def test_a_process_of_lambda_logs_json_from_its_first_invocation_on():
    program = (
        "import logging, types; logging.basicConfig()\n"
        "from app import run_starter\n"
        "context = types.SimpleNamespace(aws_request_id='lambda-1')\n"
        "run_starter({'field': 'startAgentRun', 'arguments': {'query': 'SECRET'}}, context)\n"
        "logging.getLogger('botocore').info('found credentials')\n"
        "import warnings; warnings.warn('old')\n"
    )
    environment = {"AWS_LAMBDA_FUNCTION_NAME": "runcast-run-starter", "PYTHONPATH": f"{PROJECT / 'chalice_app'}"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.stderr == ""
    assert [line["awsRequestId"] for line in lines] == ["lambda-1"] * 3
    assert lines[0]["errorType"] == "ConfigurationMissing"
    assert lines[1]["RequestsFailed"] == 1
    assert (lines[2]["logger"], lines[2]["level"]) == ("py.warnings", "WARNING")
    assert "SECRET" not in done.stdout
