"""The report's contents, for every finding."""

from __future__ import annotations

import pytest
from chalicelib.agents.demo.report_tools.report import best, markdown

TERRAIN = {"buildable_share": 14.5, "mean_slope": 10.7}
LAYOUT = {"positions": [[0, 0]], "turbines": 20, "min_spacing": 446.0, "installed_capacity": 40.0, "farm_area": 3.32}
ENERGY = {"layout": "dense", "gross_annual_energy": 186.0, "net_annual_energy": 172.1, "wake_loss": 7.5}


def test_a_whole_report():
    assert markdown({"terrain": TERRAIN, "dense": LAYOUT, "energy": ENERGY}).splitlines() == [
        "# Site report",
        "",
        "## Ground",
        "",
        "- Mean slope: 10.7 degrees",
        "- Buildable: 14.5 %",
        "",
        "## Layouts",
        "",
        "| From | Turbines | Least spacing (m) | Capacity (MW) | Area (km2) | Steepest slope (degrees) |",
        "| --- | --- | --- | --- | --- | --- |",
        "| dense | 20 | 446.0 | 40.0 | 3.32 | - |",
        "",
        "## Annual energy",
        "",
        "| From | Layout | Gross (GWh) | Net (GWh) | Wake loss (%) | Capacity factor |",
        "| --- | --- | --- | --- | --- | --- |",
        "| energy | dense | 186.0 | 172.1 | 7.5 | - |",
        "",
        "**dense** makes 172.1 GWh net in a year.",
    ]


def test_of_several_the_best_is_named():
    findings = {"a": ENERGY, "b": {**ENERGY, "layout": "wide", "net_annual_energy": 180}, "c": ENERGY}
    assert best(findings) == ("wide", 180.0)
    assert markdown(findings).endswith("**wide** makes the most, 180 GWh net in a year.")


def test_of_equals_the_first_is_the_best():
    assert best({"a": ENERGY, "b": {**ENERGY, "layout": "wide"}}) == ("dense", 172.1)


def test_without_energy_it_says_so():
    assert best({"terrain": TERRAIN}) is None
    assert markdown({}) == "# Site report\n\nNo simulated energy was among the findings."


@pytest.mark.parametrize(
    ("value", "cell"), [({"shortened": True}, "-"), (True, "-"), (None, "-"), ("a|b\nc", "a/b c"), ("x " * 250, "x x")]
)
def test_a_value_of_any_kind_keeps_the_table_whole(value, cell):
    row = markdown({"e": {**ENERGY, "capacity_factor": value}}).splitlines()[6]
    assert row.count("|") == 7
    assert row.split(" | ")[-1].removesuffix(" |")[: len(cell)] == cell
