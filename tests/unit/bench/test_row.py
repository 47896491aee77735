import json

from bench.report import Measured, print_table, write_results
from bench.row import Row, single

EMIT = Row("emit", "ms", [[10, 30], [20, 40]], {"p50": 25, "max": 39, "ratio": 0.5}, [[50, 50]], "a note", {"max": 37})


def test_the_figures_are_of_all_repetitions_and_the_ratio_of_the_medians():
    assert EMIT.figures() == {"p50": 25, "p95": 38.5, "max": 40, "ratio": 0.5}
    assert EMIT.usual_figures() == {"p50": 50, "p95": 50, "max": 50}
    assert EMIT.spread() == (20, 30)


def test_only_a_figure_above_its_goal_misses_it():
    assert EMIT.missed() == ["emit: max is 40, and the goal is 39; the floor is 37"]
    assert single("lost", 0, "runs", 0).missed() == []
    assert single("lost", 1, "runs", 0).missed() == ["lost: max is 1, and the goal is 0"]


def test_a_single_value_has_no_spread_and_a_note_has_no_figures():
    assert single("size", 7.1).spread() is None
    assert Row("last line", note="0 missing").figures() == {}


def test_the_table_and_the_file_have_every_row(tmp_path, capsys):
    measured = [Measured("emit", 0.25, [EMIT, Row("last line", note="0 missing")])]
    print_table(measured)
    printed = capsys.readouterr().out
    assert "38.5" in printed
    assert "MISSED" in printed
    assert "0 missing" in printed
    write_results(measured, tmp_path / "results.json")
    emit, last = json.loads((tmp_path / "results.json").read_text())["measurements"]["emit"]["rows"]
    assert emit == {
        "what": "emit",
        "unit": "ms",
        "p50": 25,
        "p95": 38.5,
        "max": 40,
        "ratio": 0.5,
        "spread": [20, 30],
        "usual": {"p50": 50, "p95": 50, "max": 50},
        "goals": {"p50": 25, "max": 39, "ratio": 0.5},
        "floors": {"max": 37},
        "note": "a note",
    }
    assert last["note"] == "0 missing"
