"""An agent that gives secrets away in every possible place, and the secrets that it gives away.

The test adds this file to the deployed package. Each secret is unique for its place and its pattern, so that one that
gets out names both.
"""

import json
import os
from collections.abc import Callable
from typing import Any

from strands import Agent, ToolContext, tool

import runcast

PLACES = (
    *("query", "parameters", "arguments", "yields", "results", "exceptions", "exit", "model error", "agent name"),
    *("metadata keys", "job", "environment"),
)
PATTERNS: dict[str, Callable[[str], str]] = {
    "AWS key": lambda marker: f"AKIA{marker}AAAAAA",
    "bearer header": lambda marker: f"Bearer {marker}abcdefgh0123",
    "basic header": lambda marker: f"Basic {marker}QUFBQUJCQkI=",
    "JWT": lambda marker: f"eyJhbGciOiJIUzI1NiJ9.{marker}abcd.{marker}efgh",
    "PEM": lambda marker: f"-----BEGIN PRIVATE KEY-----\nMIIE{marker}abcdefgh\n-----END PRIVATE KEY-----",
    "password in a URL": lambda marker: f"postgresql://app:{marker}pass@db.example.com/runs",
    "provider key": lambda marker: f"sk-proj-{marker}abcdefghij0123",
}
KEYS_VARIABLE = "PARTNER_ACCESS"


def marker(prefix: str, place: str, pattern: str) -> str:
    """What a place's secret of a pattern contains: 10 capital letters and digits."""
    return f"{prefix}{PLACES.index(place):02}{list(PATTERNS).index(pattern):02}"


def secrets(prefix: str, place: str) -> list[str]:
    """A place's secrets, one of each pattern, with harmless text on both sides of each."""
    beside = place.replace(" ", "-")
    return [
        f"before-{beside} {secret(marker(prefix, place, pattern))} after-{beside}"
        for pattern, secret in PATTERNS.items()
    ]


def text(prefix: str, place: str) -> str:
    return " ".join(secrets(prefix, place))


def build(run: Any) -> Agent:
    """Return the agent for the run's `case`; with `"redaction": "off"`, nothing is redacted in its process."""
    prefix, case = run.parameters["prefix"], run.parameters["case"]
    runcast.redact_with(_unchanged if run.parameters.get("redaction") == "off" else runcast.redact)
    if case == "build":
        raise ValueError(text(prefix, "exceptions"))
    if daemon := run.parameters.get("daemon"):
        os.environ["AWS_XRAY_DAEMON_ADDRESS"] = daemon
        os.environ["_X_AMZN_TRACE_ID"] = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"

    key = {"type": "object", "properties": {"key": {"const": text(prefix, "arguments")}}, "required": ["key"]}

    @tool(inputSchema={"json": key})
    def takes(key: str) -> str:
        """Take a key."""
        return key

    @tool
    async def yields() -> Any:
        """Say how far it is."""
        # Only the first and the last are sure to become steps.
        yield {"done": 1, "total": 2, "message": text(prefix, "yields")}
        yield "done"

    @tool
    def given() -> str:
        """Return what the run was given."""
        return f"{run.query} {json.dumps(run.parameters, ensure_ascii=False)}"

    @tool
    def settings() -> str:
        """Return what the environment holds."""
        return os.environ[KEYS_VARIABLE]

    @tool
    def returns() -> str:
        """Return what it found."""
        return text(prefix, "results")

    @tool
    def fails() -> str:
        """Fail."""
        raise ValueError(text(prefix, "exceptions"))

    @tool
    async def asks_others() -> str:
        """Ask an agent under each name."""
        for name in secrets(prefix, "agent name"):
            await Agent(name=name, model=run.model, callback_handler=None).invoke_async("?")
        return "asked"

    @tool(context=True)
    def notes(tool_context: ToolContext) -> str:
        """Note facts, and report them."""
        for number, name in enumerate(secrets(prefix, "metadata keys")):
            runcast.note_fact(tool_context, name, number)
        named = {name: {name: 1} for name in secrets(prefix, "metadata keys")}
        runcast.publish_status(run.user_id, "thinking", "Noted", tenant_id=run.tenant_id, metadata=named)
        return "noted"

    @tool
    def exits() -> str:
        """Exit."""
        raise SystemExit(text(prefix, "exit"))

    tools = [exits] if case == "exit" else [takes, yields, given, settings, returns, fails, asks_others, notes]
    return runcast.track(Agent(model=run.model, tools=tools, callback_handler=None), tool_io=True)


def _unchanged(given: str, _where: str) -> str:
    return given
