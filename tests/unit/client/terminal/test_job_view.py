"""How a job looks: a tree in a terminal, a line for each step in a file, and JSON with its runs for scripts."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, replace

from rich.console import Console

from runcast.client.job import JobRun, ResultLink
from runcast.client.step import Progress, WatchedStep
from runcast.client.terminal.job_tree import JobTree
from runcast.client.terminal.json_view import JsonView
from runcast.client.terminal.view import TerminalView
from runcast.client.watch_outcome import WatchOutcome
from runcast.record.model import RunStatus

BEGAN_MS = 1_700_000_000_000
RUNS = (
    JobRun("terrain", "terrain", "terrain", 1, "t-1", RunStatus.ERROR, "done", 3, 2.5, BEGAN_MS, "It broke."),
    JobRun("terrain", "terrain", "terrain", 2, "t-2", RunStatus.COMPLETE, "done", 2, 4.25, BEGAN_MS + 3_000),
    JobRun("north", "layout", "layouts", 1, "n-1", RunStatus.IN_PROGRESS, "late", 0, 0.5, BEGAN_MS + 8_000),
    JobRun("south", "layout", "layouts", 1, "s-1"),
)
STEPS = (
    WatchedStep(1, "loading_agents", "Loading", 0.1, BEGAN_MS + 100, request_id="j-1"),
    WatchedStep(1, "agent_invoking", "Cold start", 0.1, BEGAN_MS + 3_100, "terrain", None, None, "t-2", "terrain", 2),
    WatchedStep(2, "agent_complete", "Steep", 4.2, BEGAN_MS + 7_200, "terrain", None, None, "t-2", "terrain", 2),
    WatchedStep(None, "validating", "in no record", 7.0, BEGAN_MS + 7_000),
    WatchedStep(
        1,
        *("executing", "3 of 10", 0.5, BEGAN_MS + 8_500, "layout", "spacing"),
        *({"progress": {"done": 3, "total": 10}}, "n-1", "north"),
    ),
)
TREE = [
    "    ✗ terrain                  2.5 s     3 steps  error: It broke.",
    "    ✓ terrain (attempt 2)      4.2 s     2 steps  complete  Steep",
    "  layouts",
    "    ▸ north                    2.0 s     1 steps  executing spacing  ███░░░░░░░  3 of 10  (late)",
    "    · south",
]
OUTCOME = WatchOutcome("j-1", "error", 6, 5, 0, error="It broke.", runs=RUNS)
LAST_LINE = "job j-1: error, 3 runs, 6 steps recorded, 5 received live, 0 missing"


@dataclass
class Watched:
    """The part of a watch that a view looks at."""

    began_ms: int | None = BEGAN_MS
    live: bool = True
    liveness: str | None = "live"
    outcome: WatchOutcome | None = None
    is_job: bool = True
    playbook: str | None = "site-assessment"
    runs: tuple[JobRun, ...] = RUNS


def terminal() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=110, color_system=None)


def file() -> Console:
    return Console(file=io.StringIO(), width=40)


def lines(console: Console) -> list[str]:
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def now_ms() -> int:
    return BEGAN_MS + 10_000


def test_in_a_file_each_step_is_a_line_that_begins_with_its_agent():
    console = file()
    with TerminalView(console, Watched(), now_ms=now_ms) as view:
        for step in STEPS:
            view.step(step)
        view.outcome(OUTCOME)

    assert lines(console) == [
        "job                    1     0.10 s  loading_agents    Loading",
        "terrain (attempt 2)    1     0.10 s  terrain: agent_invoking  Cold start",
        "terrain (attempt 2)    2     4.20 s  agent_complete    Steep",
        "job                 live     7.00 s  validating        in no record",
        "north                  1     0.50 s  executing spacing  ███░░░░░░░  3 of 10",
        "error:",
        "It broke.",
        LAST_LINE,
    ]


def test_in_a_terminal_what_moves_is_the_jobs_state_above_the_tree_of_its_runs():
    console = terminal()
    view = TerminalView(console, Watched(), now_ms=now_ms)
    for step in STEPS:
        view.step(step)
    console.print(view.now())

    # Only what is in no record is printed on its own.
    assert "in no record" in lines(console)[0]
    assert lines(console)[1][2:] == "  10.0 s  site-assessment  validating"
    assert lines(console)[2:] == TREE


def test_the_tree_counts_what_failed_and_takes_status_and_message_from_the_same_step():
    tree = JobTree()
    about = ("terrain", "slope", {"parentSeq": 1, "outcome": "error"}, "n-1", "north")
    tree.take(WatchedStep(2, "tool_error", "slope failed after 0.3 s: TimeoutError", 0.5, BEGAN_MS, *about))
    running = (
        "    ▸ north      2.0 s     2 steps  1 failed  tool_error slope  slope failed after 0.3 s: TimeoutError  (late)"
    )
    assert [str(line) for line in tree.lines(RUNS[2:3], now_ms())][1:] == [running]
    tree.take(WatchedStep(3, "agent_complete", "Complete", 0.6, BEGAN_MS, "terrain", None, None, "n-1", "north"))
    assert [str(line) for line in tree.lines(RUNS[2:3], now_ms())][1:] == [
        "    ✓ north      2.0 s     3 steps  1 failed  complete  Complete"
    ]


def test_the_message_of_an_earlier_step_is_not_shown_as_that_of_the_end():
    tree = JobTree()
    tree.take(WatchedStep(1, "thinking", "Thinking", 0.1, BEGAN_MS, "terrain", None, None, "t-2", "terrain", 2))
    assert str(tree.lines(RUNS[1:2], now_ms())[0]).endswith("2 steps  complete")


def test_in_a_terminal_the_tree_stays_as_it_was_last():
    console = terminal()
    with TerminalView(console, Watched(), now_ms=now_ms) as view:
        for step in STEPS:
            view.step(step)
        view.outcome(OUTCOME)

    shown = lines(console)
    assert shown[-1] == LAST_LINE
    assert [line for line in shown if line.endswith("complete  Steep")]
    # A cursor that goes up is before the first of them.
    assert [line.rpartition("\x1b[2K")[2] for line in shown[-4 - len(TREE) : -4]] == TREE


def test_a_tree_before_the_playbook_is_loaded_is_empty():
    assert JobTree().lines((), now_ms()) == []


def test_a_record_of_a_job_is_shown_with_its_runs():
    console = file()
    progress = Progress(0, STEPS[:1], True, RunStatus.IN_PROGRESS, "live", BEGAN_MS, BEGAN_MS)
    progress = replace(progress, playbook="site-assessment", runs=RUNS)

    TerminalView(console, now_ms=now_ms).record("j-1", progress)

    assert lines(console) == [
        "   1     0.10 s  loading_agents    Loading",
        "    ✗ terrain                  2.5 s     3 steps  error: It broke.",
        "    ✓ terrain (attempt 2)      4.2 s     2 steps  complete",
        "  layouts",
        "    ▸ north                    2.0 s     0 steps  in_progress",
        "    · south",
        "job j-1: in_progress (live), 3 runs, 6 steps recorded",
    ]


def test_json_has_the_runs():
    console = file()
    view = JsonView(console)
    view.step(STEPS[1])
    view.outcome(OUTCOME)
    view.record("j-1", Progress(0, (), True, RunStatus.ERROR, "done", 1, 2, playbook="site-assessment", runs=RUNS))

    step, summary, record = [json.loads(line) for line in lines(console)]
    assert (step["requestId"], step["runName"], step["attempt"]) == ("t-2", "terrain", 2)
    assert summary["runs"] == record["runs"] == [run.to_json() for run in RUNS]
    assert JobRun.from_answer(summary["runs"][2]) == RUNS[2]
    assert ResultLink.from_answer({"url": "u", "expiresAt": 2.0}) == ResultLink("u", 2)


def test_what_an_agent_or_a_playbook_says_cannot_change_the_terminal():
    evil = "\x1b]0;pwned\x07\x1b[2J\r\x9b1A\u202e"
    run = JobRun(evil, evil, evil + "s", 1, "e-1", RunStatus.IN_PROGRESS, evil, 1, 0.1, BEGAN_MS)
    failed = replace(run, status=RunStatus.ERROR, error=evil, request_id="e-2", attempt=2)
    for console in (terminal(), file()):
        view = TerminalView(console, Watched(runs=(run, failed), playbook=evil), now_ms=now_ms)
        view.step(WatchedStep(1, evil, evil, 0.0, 0, evil, evil, None, "e-1", evil))
        console.print(view.now())
        view.outcome(replace(OUTCOME, result={"summary": evil, "facts": {evil: {evil: {"value": evil}}}}))
        assert not set(console.file.getvalue()) & set("\x1b\x07\r\x9b\u202e")
