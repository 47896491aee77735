"""Reading what a Lambda would write to its log."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from chalicelib.runtime import logs

OURS = ("chalicelib", "runcast")


class LogLines:
    """The lines that were logged, as the JSON that they must be."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    def read(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


@pytest.fixture
def log_lines(monkeypatch) -> Iterator[LogLines]:
    """Log as the Lambda `dev-runcast-agent` does, for one test."""
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "dev-runcast-agent")
    lines = LogLines()
    handler = logging.StreamHandler(lines.stream)
    handler.setFormatter(logs.JsonFormatter("dev-runcast-agent"))
    monkeypatch.setattr(logs, "_latest", logs.LogContext("earlier"))  # or its first would turn all logging to JSON
    token = logs._current.set(None)
    logging.root.addHandler(handler)
    for ours in OURS:
        logging.getLogger(ours).setLevel(logging.INFO)
    yield lines
    for ours in OURS:
        logging.getLogger(ours).setLevel(logging.NOTSET)
    logging.root.removeHandler(handler)
    logs._current.reset(token)
