"""The agents asked alone, with the model of `make demo`: what they note, and that it follows from what is set."""

from __future__ import annotations

import pytest
from chalicelib.agents import registry

from tests.unit.chalicelib.agents.demo.conftest import handed_on


@pytest.mark.parametrize("name", ["layout", "simulation", "report"])
def test_it_is_described(name):
    assert registry.description(name).endswith((".", "!"))
    assert registry.description(name)[0].isupper()


def test_terrain_notes_the_ground(facts_of):
    facts = facts_of("terrain")
    assert facts["buildable_share"] == 14.5
    assert (facts["area"], facts["mean_slope_of"], facts["mean_roughness_of"]) == ("whole", "whole", "whole")
    quarter = facts_of("terrain", area="south_west", max_slope_degrees=10)
    assert (quarter["area"], quarter["mean_slope_of"], quarter["slope_limit"]) == ("south_west", "south_west", 10)


def test_a_layout_keeps_its_limits_and_says_what_it_is(facts_of):
    facts = facts_of("layout", turbines=12, spacing_diameters=7)
    assert len(facts["positions"]) == facts["turbines"] == facts["turbines_asked"] == 12
    assert facts["min_spacing"] >= 560
    assert facts["installed_capacity"] == 24
    assert 0 < facts["steepest_slope"] <= facts["slope_limit"] == 5
    assert facts["farm_area"] > 1


def test_one_turbine_has_no_spacing(facts_of):
    assert "min_spacing" not in facts_of("layout", turbines=1)


def test_a_layout_takes_the_limits_of_the_ground_that_was_assessed(facts_of):
    terrain = handed_on(slope_limit=3, roughness_limit=30, area="north_west")
    facts = facts_of("layout", inputs={"terrain": terrain}, max_slope_degrees=4)
    assert (facts["slope_limit"], facts["roughness_limit"], facts["area"]) == (4, 30, "north_west")


def test_where_nothing_can_be_built_the_model_hears_why_and_nothing_is_noted(result_of):
    result = result_of("layout", area="north_west", max_slope_degrees=0, max_roughness_metres=0)
    assert "No cell of this area is level and even enough" in result


def test_alone_the_simulation_is_of_horns_rev_1(facts_of):
    facts = facts_of("simulation", wake_constant=0.04)
    assert (facts["layout"], facts["turbines"], facts["installed_capacity"]) == ("Horns Rev 1", 80, 160)
    assert facts["net_annual_energy"] == pytest.approx(662.46, abs=0.01)
    assert sum(facts["net_annual_energy_by_direction"].values()) == pytest.approx(facts["net_annual_energy"], abs=0.1)
    assert facts["mean_wind_speed"] == 9.38


def test_it_simulates_the_layout_that_was_found(facts_of):
    layout = handed_on(positions=[[0, 0], [400, 0]])
    facts = facts_of("simulation", inputs={"terrain": "a text", "dense": layout})
    assert (facts["layout"], facts["turbines"], facts["wake_constant"]) == ("dense", 2, 0.05)


def test_alone_the_report_is_of_the_usual_site(result_of):
    result = result_of("report")
    report = result["facts"]["report"]["value"]
    assert all(title in report for title in ("## Ground", "## Layouts", "## Annual energy"))
    assert report in result["text"]
    assert result["facts"]["best_net_annual_energy"]["unit"] == "GWh"


def test_a_report_without_energy_names_no_best(facts_of):
    facts = facts_of("report", inputs={"terrain": handed_on(buildable_share=14.5)})
    assert facts["reported"] == ["terrain"]
    assert "best_layout" not in facts
