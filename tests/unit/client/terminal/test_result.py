"""How a result looks: its text, its facts as a table, and what is cut with a hint at the command that shows it."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from runcast.client.step import Progress
from runcast.client.terminal.view import TerminalView
from runcast.client.watch_outcome import WatchOutcome
from runcast.record.model import RunStatus

POSITIONS = [[23362, 20200 + number] for number in range(20)]


def fact(value, unit=None):
    return {"value": value, "unit": unit}


def lines_of(result, *, is_terminal=False, whole=False, width=80):
    console = Console(file=io.StringIO(), force_terminal=is_terminal, width=width, color_system=None)
    view = TerminalView(console)
    if whole:
        view.record("r-1", Progress(0, (), True, RunStatus.COMPLETE, "done", 1, 2, result=result))
    else:
        view.outcome(WatchOutcome("r-1", "complete", 0, 0, 0, result=result))
    lines = [line.strip("│╭╮╰╯─").rstrip() for line in console.file.getvalue().splitlines()]
    return [line for line in lines if line and line.strip("─ ") not in ("result", "result:")][:-1]


@pytest.mark.parametrize(
    ("result", "shown"),
    [
        ("12 cells", ["12 cells"]),
        (
            {"text": "Steep.", "facts": {"slope": fact(3.5, "deg"), "site": fact("A"), "plain": 7}},
            ["Steep.", "slope  3.5 deg", "site   A", "plain  7"],
        ),
        ({"text": "Steep.", "facts": {}}, ["Steep."]),
        ({"cells": 12}, ["{", '  "cells": 12', "}"]),
        ({"text": "a", "facts": "b"}, ["{", '  "text": "a",', '  "facts": "b"', "}"]),
        (12, ["12"]),
        (
            {"summary": "Build it.", "facts": {}, "conflicts": [{"fact": "energy", "values": {"a": 1, "b": 2}}]},
            ["Build it.", 'conflict: {"fact": "energy", "values": {"a": 1, "b": 2}}'],
        ),
    ],
)
def test_a_short_result_is_shown_whole_with_its_facts_as_a_table(result, shown):
    assert lines_of(result) == shown
    assert lines_of(result, whole=True) == shown
    assert [line.strip() for line in lines_of(result, is_terminal=True)] == [line.strip() for line in shown]


@pytest.mark.parametrize("is_terminal", [False, True])
@pytest.mark.parametrize("width", [80, 120])
def test_of_many_facts_the_first_of_each_agent_are_shown_and_the_rest_counted(is_terminal, width):
    facts = {f"agent{each}": {f"fact{number}": fact(number, "m") for number in range(12)} for each in range(4)}
    shown = lines_of({"summary": "Build it.", "facts": facts}, is_terminal=is_terminal, width=width)
    assert shown[0].strip() == "Build it."
    assert len(shown) == 1 + 4 * 5 + 1
    assert shown[1].split() == ["agent0", "fact0", "0", "m"]
    assert [line.split()[-2:] for line in shown[1:6]] == [[str(number), "m"] for number in range(5)]
    assert shown[-1].strip() == "… 28 more facts: runcast show r-1"
    assert len(lines_of({"summary": "Build it.", "facts": facts}, whole=True)) == 1 + 4 * 12


def test_a_terminal_names_each_agent_once_and_a_file_in_each_line():
    result = {"summary": "s", "facts": {"terrain": {"slope": fact(3), "area": fact("whole")}}}
    assert lines_of(result)[1:] == ["terrain  slope  3", "terrain  area   whole"]
    assert [line.split() for line in lines_of(result, is_terminal=True)[1:]] == [
        ["terrain", "slope", "3"],
        ["area", "whole"],
    ]


def test_a_long_value_is_cut_to_one_line_and_whole_in_the_record():
    report = "# Site\n\nThe ground of this site is level and even enough."
    result = {"text": "t", "facts": {"positions": fact(POSITIONS, "m"), "report": fact(report)}}
    assert lines_of(result)[1:] == [
        "positions  20 values",
        "report     # Site The ground of this site is level…",
        "… long values in full: runcast show r-1",
    ]
    whole = lines_of(result, whole=True)
    assert whole[1].endswith("[23362, 20219]] m")
    assert whole[2:] == ["report     # Site", "The ground of this site is level and even enough."]


@pytest.mark.parametrize("result", ["one line\n" * 200, "x" * 1_800, {"cells": ["y"] * 400}])
def test_a_long_text_is_cut_at_the_end_of_a_line_if_it_has_lines(result):
    *shown, hint = lines_of(result)
    assert hint.endswith(" more characters: runcast show r-1")
    assert 800 < len("\n".join(shown)) <= 1_500
    if result != "x" * 1_800:
        assert {line.strip(" ,") for line in shown[2:]} in ({"one line"}, {'"y"'})
    whole = lines_of(result, whole=True)
    assert len("".join(whole)) > 1_500
    assert not [line for line in whole if "runcast show" in line]
