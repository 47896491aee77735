import json

from bench.figures import LONGEST_TASK, PAGE, TIMES, figures, rows_by_name
from bench.report import RESULTS
from bench.tables import with_tables


def row(what: str, unit: str, **figures: float) -> dict:
    return {"what": what, "unit": unit, "usual": {}, **figures}


EMIT = row("emit to client", "ms", p50=20.4, p95=103.7, max=150) | {"usual": {"p50": 21.3, "p95": 30}}
RESULTS_OF_TWO = {
    "measuredAt": "2026-11-09T15:44:12+00:00",
    "python": "3.11.7",
    "processors": 2,
    "measurements": {
        "emit": {"load": 1.5, "rows": [EMIT, row("another", "ms", p50=1, p95=1, max=1)]},
        "cancel": {
            "load": 4.0,
            "rows": [row("cancelling visible, blocking model call", "s", p50=0.0648, p95=1.96, max=2)],
        },
        "screen": {"load": 0.3, "rows": [row(LONGEST_TASK[1], "ms", p50=0, p95=0, max=0)]},
        "jobs": {"load": 13, "rows": []},
    },
}


def test_the_page_shows_the_results():
    text = PAGE.read_text()
    shown = with_tables(text, {"figures": figures(json.loads(RESULTS.read_text()))})
    assert text == shown, "Run make bench."


def test_the_figures_are_of_the_machine_and_of_the_rows_that_were_measured():
    about, table = figures(RESULTS_OF_TWO).split("\n\n")
    said = about.replace("\n", " ")
    assert "on 9 November 2026, on 2 local processors with Python 3.11.7, at a load of 0.3 to 4." in said
    rows = table.splitlines()[2:]
    assert rows[:3] == [
        "| from the agent's step to the client, durable first | p50 20 ms, p95 104 ms | p50 21 ms |",
        "| from a cancel to `cancelling` at the client | p50 0.065 s, p95 2 s |  |",
        "| the console's longest task while 1,000 steps arrive | under 50 ms |  |",
    ]
    assert [row.split(" | ")[0] for row in rows[3:]] == [
        "| [a thousand runs](costs.md) on AWS, without the model",
        "| an idle deployment, a month, without its storage",
    ]


def test_a_long_task_of_the_console_is_shown():
    busy = {"screen": {"load": 1, "rows": [row(LONGEST_TASK[1], "ms", p50=65, p95=65, max=65)]}}
    assert "arrive | 65 ms |" in figures(RESULTS_OF_TWO | {"measurements": busy})


def test_the_quoted_rows_have_the_names_of_the_bench():
    assert {*TIMES, LONGEST_TASK} <= rows_by_name(json.loads(RESULTS.read_text())).keys()
