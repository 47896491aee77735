"""How a run looks: the same lines in a terminal and in a file, and nothing that an agent says changes the terminal."""

from __future__ import annotations

import io
import json
import re
from dataclasses import dataclass

import pytest
from rich.console import Console

from runcast.client.job import JobRun
from runcast.client.step import Progress, WatchedStep
from runcast.client.terminal.json_view import JsonView
from runcast.client.terminal.text import printable
from runcast.client.terminal.view import TerminalView
from runcast.client.watch_outcome import WatchOutcome
from runcast.record.model import RunStatus

STEPS = (
    WatchedStep(1, "agent_invoking", "Cold start", 0.41, 1_700_000_000_410, agent_name="terrain"),
    WatchedStep(2, "calling_tool", "Where is it\nflat?", 1.5, 1_700_000_001_500, tool_name="slope"),
    WatchedStep(None, "validating", "in no record", 1.6, 1_700_000_001_600),
    WatchedStep(3, "agent_complete", "", 12.25, 1_700_000_012_250),
)
LINES = [
    "   1     0.41 s  terrain: agent_invoking  Cold start",
    "   2     1.50 s  calling_tool slope  Where is it flat?",
    "live     1.60 s  validating        in no record",
    "   3    12.25 s  agent_complete",
]
OUTCOME = WatchOutcome("r-1", "complete", recorded=3, received_live=3, missing=0, result="**12** cells")
LAST_LINE = "run r-1: complete, 3 steps recorded, 3 received live, 0 missing"


@dataclass
class Watched:
    """The part of a watch that a view looks at."""

    began_ms: int | None = None
    live: bool = True
    liveness: str | None = None
    outcome: WatchOutcome | None = None
    is_job: bool = False
    playbook: str | None = None
    runs: tuple[JobRun, ...] = ()


def terminal() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=100, color_system=None)


def file() -> Console:
    return Console(file=io.StringIO(), width=40)


def written(console: Console) -> str:
    return console.file.getvalue()


def test_in_a_file_it_is_plain_lines():
    console = file()
    with TerminalView(console, Watched()) as view:
        for step in STEPS:
            view.step(step)
        view.outcome(OUTCOME)

    assert written(console).splitlines() == [*LINES, "result:", "**12** cells", LAST_LINE]


def test_in_a_terminal_the_same_lines_stay_and_the_result_has_a_panel():
    console = terminal()
    view = TerminalView(console)
    for step in STEPS:
        view.step(step)
    view.outcome(OUTCOME)

    lines = written(console).splitlines()
    assert lines[:4] == LINES
    assert " result " in lines[4]
    assert "12 cells" in lines[5]
    assert lines[-1] == LAST_LINE


def test_in_a_terminal_the_moving_line_says_what_is_happening_now():
    console, watched = terminal(), Watched()
    view = TerminalView(console, watched, now_ms=lambda: 1_700_000_003_500)
    shown = []

    for change in (
        {},
        {"began_ms": 1_700_000_000_000},
        {"step": STEPS[1]},
        {"liveness": "late", "live": False},
        {"liveness": "lost", "live": True},
        {"liveness": "cancelling"},
        {"liveness": "hibernating"},
        {"liveness": "live"},
    ):
        if step := change.pop("step", None):
            view.step(step)
        vars(watched).update(change)
        console.file.seek(0)
        console.file.truncate()
        console.print(view.now())
        shown.append(written(console).rstrip()[2:])

    assert shown == [
        "connecting",
        "   3.5 s  waiting for the first step",
        "   3.5 s  calling_tool slope",
        "   3.5 s  calling_tool slope  (not live)  (its worker is late)",
        "   3.5 s  calling_tool slope  (its worker is lost)",
        "   3.5 s  calling_tool slope  (being cancelled)",
        "   3.5 s  calling_tool slope  (hibernating)",
        "   3.5 s  calling_tool slope",
    ]


def test_the_moving_line_is_gone_after_the_end():
    console = terminal()
    with TerminalView(console, Watched(began_ms=0)) as view:
        view.step(STEPS[0])
        view.outcome(OUTCOME)

    assert written(console).rstrip().endswith(LAST_LINE)
    assert "\x1b[?25h" in written(console)  # the cursor is visible again


@pytest.mark.parametrize("make_console", [terminal, file])
def test_what_an_agent_says_cannot_change_the_terminal(make_console):
    console = make_console()
    evil = "\x1b]0;pwned\x07\x1b[2J\r\x9b1A[bold]x[/bold]\u202e"
    view = TerminalView(console)

    view.step(WatchedStep(1, evil, evil, 0.0, 0, agent_name=evil, tool_name=evil))
    view.outcome(WatchOutcome("r-1", "error", 1, 1, 0, result=evil, error=evil))

    assert not set(written(console)) & set("\x1b\x07\r\x9b\u202e")
    assert "[bold]x[/bold]" in written(console)


def test_json_is_one_object_a_line():
    console = file()
    with JsonView(console) as view:
        for step in STEPS[:2]:
            view.step(step)
        view.outcome(OUTCOME)

    first, second, summary = [json.loads(line) for line in written(console).splitlines()]
    assert first == {
        "type": "step",
        "seq": 1,
        "status": "agent_invoking",
        "message": "Cold start",
        "elapsed": 0.41,
        "timestamp": 1_700_000_000_410,
        "agentName": "terrain",
        "toolName": None,
        "metadata": None,
        "requestId": None,
        "runName": None,
        "attempt": 1,
    }
    assert (second["seq"], second["toolName"]) == (2, "slope")
    assert summary == {
        "type": "summary",
        "requestId": "r-1",
        "status": "complete",
        "recorded": 3,
        "receivedLive": 3,
        "missing": 0,
        "result": "**12** cells",
        "error": None,
        "reason": None,
    }


@pytest.mark.parametrize(
    ("status", "last_line"),
    [
        (RunStatus.ERROR, "run r-1: error, 1 steps recorded"),
        (RunStatus.IN_PROGRESS, "run r-1: in_progress (late), 1 steps recorded"),
    ],
)
def test_a_record_is_shown_as_it_is_now(status: RunStatus, last_line: str):
    console = file()
    record = Progress(0, STEPS[:1], True, status, "late", 1, 2, result={"cells": 12}, error="It broke.")

    TerminalView(console).record("r-1", record)

    shown = written(console).splitlines()
    assert shown == [LINES[0], "error:", "It broke.", "result:", "{", '  "cells": 12', "}", last_line]


def test_a_link_shows_its_address_whatever_its_label_says():
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    result = "Sign in at [https://console.aws.amazon.com/](http://evil.example) ![look](http://evil.example/2)"

    TerminalView(console).outcome(
        WatchOutcome("r-1", "complete", recorded=0, received_live=0, missing=0, result=result)
    )

    assert "\x1b]8;" not in written(console), "nothing is clickable"
    assert "(http://evil.example)" in re.sub(r"\x1b\[[0-9;]*m", "", written(console))


@pytest.mark.parametrize(
    "text",
    [
        "👩‍👩‍👧‍👦 ❤️ 🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f 🇳🇴",
        "می‌خواهم",
        "soft­hyphen\ufeff",
        "unassigned \U0001fae9 \U000e01ff private \ue000",
        "tab\tline\n",
    ],
)
def test_text_of_any_script_is_shown_as_it_is(text: str):
    assert printable(text) == text


@pytest.mark.parametrize(
    "character",
    [
        *map(chr, [0, 7, 8, 11, 12, 13, 27, 31, 127, 128, 155, 159, 0xD800, 0xDFFF, 0x61C, 0x200E, 0x200F]),
        *"\u202a\u202e\u2066\u2069",
    ],
)
def test_what_could_change_the_terminal_or_the_order_of_text_is_replaced(character: str):
    assert printable(f"a{character}b") == "a�b"


@pytest.mark.parametrize(
    "result",
    [
        {"name": "風力発電所"},
        {"text": "t", "facts": {"site": {"value": {"name": "風力発電所"}, "unit": None}}},
        {"summary": "s", "facts": {"terrain": {"site": {"value": ["風力発電所"], "unit": None}}}},
        {"summary": "s", "facts": {}, "conflicts": [{"fact": "site", "values": {"terrain": "風力発電所"}}]},
    ],
)
@pytest.mark.parametrize("console", [file, terminal])
def test_json_is_shown_in_its_own_script_and_cannot_change_the_terminal(result, console):
    text = json.dumps(result, ensure_ascii=False).replace("所", "所\u202e\x9b")
    console = console()
    TerminalView(console).outcome(WatchOutcome("r-1", "complete", 1, 1, 0, result=json.loads(text)))

    shown = written(console)
    assert "風力発電所\ufffd\ufffd" in shown
    assert not {"\u202e", "\x9b"} & set(shown)


def said(seq, offset, text):
    return WatchedStep(seq, "text", text, 2.0, 1_700_000_002_000, metadata={"offset": offset})


def test_text_in_flight_changes_the_live_region_and_is_never_a_line():
    console = terminal()
    view = TerminalView(console, Watched(began_ms=1_700_000_000_000), now_ms=lambda: 1_700_000_003_000)
    view.step(said(None, 11, "is"))
    view.step(said(3, 0, "The ground "))
    view.step(said(None, 11, "is steep"))
    console.print(view.now())
    lines = written(console).splitlines()
    assert [line for line in lines if "is steep" in line] == ["The ground is steep"]
    JsonView(console).step(said(None, 11, "unseen"))
    assert "unseen" not in written(console)
