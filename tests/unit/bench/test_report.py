import pytest

from bench.report import Measured, print_table
from bench.row import Row, single

NAME = "1,000 steps at once, whole at a client that has watched from the beginning and keeps its one connection"
NOTE = "the words of a note that says more than a line of the table has room for: " + "and so on, " * 30 + "to its end"
ROWS = [
    Row(
        NAME,
        "a second",
        [[0.08145, 0.1116, 0.1392], [1008.1, 2345.6, 123_456.7]],
        {"p50": 0.03125, "p95": 60, "max": 150, "ratio": 0.35},
        [[9876.5, 8765.4]],
        NOTE,
        {"p50": 0.02468, "max": 13.57},
    ),
    single("  short", 38.5, "ms", 40),
]
FIGURES = (
    *("504", "93,179", "123,457", "a second", "0.112 to 2,346", "9,321", "0.0541", "38.5"),
    *("p50 0.03125", "p95 60", "max 150", "ratio 0.35", "MISSED", "p50 0.0247", "max 13.6", "max 40", "12.2"),
)


@pytest.mark.parametrize("columns", [80, 120, None])
def test_no_cell_is_cut(columns: int | None, monkeypatch, capsys):
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns:
        monkeypatch.setenv("COLUMNS", str(columns))
    print_table([Measured("burst", 12.25, ROWS)])
    printed = capsys.readouterr().out
    assert "…" not in printed
    assert [figure for figure in FIGURES if figure not in printed] == []
    assert [word for word in f"{NAME} {NOTE}".split() if word not in printed] == []
