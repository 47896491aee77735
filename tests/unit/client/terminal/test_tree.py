"""A run of several agents is drawn as a tree, with bars where tools count."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from runcast.client.step import WatchedStep
from runcast.client.terminal.tree import Tree, bar
from runcast.client.terminal.view import TerminalView


def step(seq, status, parent=None, agent=None, tool=None, message="", **metadata):
    metadata |= {} if parent is None else {"parentSeq": parent}
    return WatchedStep(seq, status, message, seq / 10, seq, agent_name=agent, tool_name=tool, metadata=metadata or None)


# As a Graph of three agents, one of which uses another as a tool, is recorded; some of it as it comes live.
STEPS = (
    step(1, "agent_invoking", agent="report", message="report begins"),
    step(2, "agent_invoking", 1, "survey", message="survey begins"),
    step(3, "thinking", 2, "survey"),
    step(4, "agent_invoking", 1, "edit", message="edit begins"),
    step(5, "calling_tool", 4, "edit", "analyst", "Calling analyst"),
    step(6, "agent_invoking", 5, "analyst", message="analyst begins"),
    step(7, "calling_tool", 6, "analyst", "slope", "Calling slope"),
    step(8, "executing", 7, "analyst", "slope", "3 of 10 tiles", progress={"done": 3, "total": 10, "unit": "tiles"}),
    step(9, "tool_error", 7, "analyst", "slope", "slope failed after 0.2 s: TimeoutError", outcome="error"),
    step(10, "agent_complete", 6, "analyst", message="analyst ended after 0.4 s", outcome="ok"),
    step(11, "agent_invoking", 1, "print", message="print begins"),
    step(12, "thinking", agent="report"),
    step(13, "agent_complete", agent="report", message="Complete"),
)
LINES = [
    "   1     0.10 s  report: agent_invoking  report begins",
    "   2     0.20 s    survey: agent_invoking  survey begins",
    "   3     0.30 s      survey: thinking",
    "   4     0.40 s    edit: agent_invoking  edit begins",
    "   5     0.50 s      edit: calling_tool analyst  Calling analyst",
    "   6     0.60 s        analyst: agent_invoking  analyst begins",
    "   7     0.70 s          analyst: calling_tool slope  Calling slope",
    "   8     0.80 s            analyst: executing slope   ███░░░░░░░  3 of 10 tiles",
    "   9     0.90 s          analyst: tool_error slope  slope failed after 0.2 s: TimeoutError",
    "  10     1.00 s        analyst: agent_complete    analyst ended after 0.4 s",
    "  11     1.10 s    print: agent_invoking  print begins",
    "  12     1.20 s  thinking",
    "  13     1.30 s  agent_complete    Complete",
]


def test_a_graph_is_drawn_as_a_tree_with_bars():
    console = Console(file=io.StringIO(), width=40)
    view = TerminalView(console)
    for each in STEPS:
        view.step(each)
    assert console.file.getvalue().splitlines() == LINES


def test_the_moving_line_has_the_bar():
    class Watched:
        began_ms, live, liveness, outcome = 0, True, None, None
        is_job, playbook, runs = False, None, ()

    console = Console(file=io.StringIO(), force_terminal=True, width=100, color_system=None)
    view = TerminalView(console, Watched(), now_ms=lambda: 1_000)
    view.step(STEPS[7])
    console.print(view.now())
    assert "executing slope  ███░░░░░░░" in console.file.getvalue().splitlines()[-1]


@pytest.mark.parametrize(
    ("progress", "drawn"),
    [
        ({"done": 0, "total": 10}, "░░░░░░░░░░"),
        ({"done": 10, "total": 10}, "██████████"),
        ({"done": 99, "total": 10}, "██████████"),
        ({"done": -1, "total": 10}, "░░░░░░░░░░"),
        ({"done": 1}, ""),
        ({"done": 1, "total": 0}, ""),
        ({"done": "1", "total": "2"}, ""),
        ({"done": float("nan"), "total": 1}, ""),
        ("half", ""),
        (None, ""),
    ],
)
def test_a_bar_shows_what_counts_and_nothing_else(progress, drawn):
    assert bar(step(1, "executing", progress=progress)) == drawn


@pytest.mark.parametrize("parent", [99, "x", -1, 2.5, [1], None])
def test_a_step_of_an_unknown_parent_stands_at_the_top(parent):
    assert Tree().place(step(1, "thinking", parent)) == (0, None)


def test_endless_nesting_stays_on_the_screen():
    tree = Tree()
    places = [tree.place(step(seq, "agent_invoking", seq - 1, f"a{seq}")) for seq in range(1, 100)]
    assert [place.depth for place in places[:3]] == [0, 1, 2]
    assert max(place.depth for place in places) == 12
