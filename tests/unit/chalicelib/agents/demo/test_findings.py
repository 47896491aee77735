"""Callers' settings and other agents' findings are validated, and override a model's arguments."""

from __future__ import annotations

import pytest
from chalicelib.agents import registry
from chalicelib.agents.demo.layout_tools.tools import place_turbines
from chalicelib.agents.demo.simulation_tools.tools import annual_energy
from chalicelib.agents.demo.terrain_tools.tools import buildable_cells
from chalicelib.agents.demo.wind.findings import findings_of, layout_in
from chalicelib.agents.demo.wind.settings import BOUNDS, settings_of
from chalicelib.agents.run_context import RunContext

from runcast.runs.outcome import outcome_of
from tests.fakes.scripted_model import Call, Say, ScriptedModel
from tests.unit.chalicelib.agents.demo.conftest import handed_on, values


def test_what_the_caller_sets_holds_whatever_the_model_asks_for():
    model = ScriptedModel([Call("place_turbines", {"turbines": 9, "spacing_diameters": 8}), Say("done")])
    agent = registry.load("layout")(RunContext("?", {"spacing_diameters": 6}, model))
    facts = values(outcome_of(agent("?")).result)
    assert (facts["turbines"], facts["spacing_asked"], facts["min_spacing"] >= 480) == (9, 6, True)
    assert '{"spacing_diameters": 6}' in model.system_prompt


@pytest.mark.parametrize(
    ("agent", "parameters", "message"),
    [
        ("layout", {"turbines": 2.5}, "parameters.turbines must be a whole number from 1 to 100."),
        ("layout", {"turbines": True}, "parameters.turbines must be a whole number from 1 to 100."),
        ("layout", {"spacing_diameters": 1}, "parameters.spacing_diameters must be a number from 2 to 20."),
        ("layout", {"spacing_diameters": float("nan")}, "parameters.spacing_diameters must be a number from 2 to 20."),
        ("layout", {"inputs": {"terrain": handed_on(slope_limit=91)}},
         "parameters.max_slope_degrees must be a number from 0 to 90."),
        ("terrain", {"area": "north"},
         "parameters.area must be one of: whole, north_west, north_east, south_west, south_east."),
        ("terrain", {"area": ["whole"]},
         "parameters.area must be one of: whole, north_west, north_east, south_west, south_east."),
        ("simulation", {"wake_constant": "0.05"}, "parameters.wake_constant must be a number from 0.01 to 0.2."),
        ("simulation", {"inputs": []}, None),
        ("simulation", {"inputs": [1]}, "parameters.inputs must be an object: results of other runs by their names."),
        ("simulation", {"inputs": {"terrain": "a text"}},
         "parameters.inputs must contain a layout: a result with the fact positions."),
        ("simulation", {"inputs": {"layout": handed_on(positions=[])}},
         "parameters.inputs.layout: positions must be 1 to 100 pairs of metres east and north."),
        ("simulation", {"inputs": {"layout": handed_on(positions=[[0, 0]] * 101)}},
         "parameters.inputs.layout: positions must be 1 to 100 pairs of metres east and north."),
        ("simulation", {"inputs": {"layout": handed_on(positions={"shortened": True})}},
         "parameters.inputs.layout: positions must be 1 to 100 pairs of metres east and north."),
        ("simulation", {"inputs": {"layout": handed_on(positions=[[0, 0], [float("inf"), 0]])}},
         "parameters.inputs.layout: positions must be 1 to 100 pairs of metres east and north."),
    ],
)  # fmt: skip
def test_a_wrong_parameter_is_refused(agent, parameters, message):
    run = RunContext("?", parameters, ScriptedModel([]))
    if message is None:
        assert registry.load(agent)(run)
        return
    with pytest.raises((TypeError, ValueError)) as refused:
        registry.load(agent)(run)
    assert str(refused.value) == message


def test_a_model_and_a_caller_may_set_the_same():
    for tool in (buildable_cells, place_turbines, annual_energy):
        for name, about in tool.tool_spec["inputSchema"]["json"]["properties"].items():
            if name != "area":
                assert (about["minimum"], about["maximum"]) == BOUNDS[name]


def test_other_parameters_are_nobodys_concern():
    assert settings_of({"turbines": 3, "color": "red"}, ("turbines", "area")) == {"turbines": 3}


def test_facts_are_read_from_any_result():
    inputs = {"a": handed_on(b=1), "c": "a text", "d": {"text": ""}, "e": None, "f": {"facts": {"g": 1, "h": {}}}}
    assert findings_of({"inputs": inputs}) == {"a": {"b": 1}, "c": {}, "d": {}, "e": {}, "f": {"h": None}}
    assert findings_of({}) == {}


def test_the_first_layout_counts():
    findings = {"terrain": {"area": "whole"}, "a": {"positions": [[1, 2]]}, "b": {"positions": [[3, 4]]}}
    assert layout_in(findings) == ("a", [(1.0, 2.0)])
