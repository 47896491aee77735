"""Texts for people: steps and statuses, without characters that could change the terminal."""

from __future__ import annotations

import json
import re
from typing import Any

from runcast.client.status import Status
from runcast.client.step import WatchedStep
from runcast.text import boundary

# They reorder the surrounding text, which can then look like a different text.
# Source: https://www.unicode.org/Public/UCD/latest/ucd/PropList.txt (Bidi_Control)
_BIDI_CONTROLS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_UNPRINTABLE = re.compile(f"[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\ud800-\\udfff{_BIDI_CONTROLS}]")


def printable(text: str) -> str:
    """Replace all characters that could move the cursor or change the terminal, because agents repeat untrusted text.

    Joiners, variation selectors, tags and unassigned characters stay: emoji, flags and many scripts need them.
    """
    return _UNPRINTABLE.sub("�", text)


def one_line(text: str) -> str:
    """Return the printable text on one line."""
    return " ".join(printable(text).split())


def beginning_of(text: str, max_characters: int) -> str:
    """Return the beginning of the printable text on one line, with `…` if there is more."""
    line = one_line(text)
    return line if len(line) <= max_characters else f"{line[: boundary(line, max_characters - 1)]}…"


def json_for_people(value: Any, *, indent: int | None = None) -> str:
    """Return JSON as printable text in its own script, where `json.dumps` would write escapes."""
    return printable(json.dumps(value, ensure_ascii=False, indent=indent))


def what_happened(step: WatchedStep) -> str:
    """Return a step's status, with the name of a starting agent or a called tool."""
    who = f"{step.agent_name}: " if step.agent_name and step.status == "agent_invoking" else ""
    return one_line(f"{who}{step.status} {step.tool_name or ''}")


def standing(status: Status, liveness: str) -> str:
    """Return the status of a run or job, and its worker's liveness unless it has ended."""
    return one_line(status) if status.ended else f"{one_line(status)} ({one_line(liveness)})"
