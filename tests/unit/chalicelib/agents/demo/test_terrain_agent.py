"""The terrain agent: what its tools offer a model, and what they answer."""

from __future__ import annotations

import json

import pytest
from chalicelib.agents import registry
from chalicelib.agents.demo.terrain_tools.tools import buildable_cells, roughness, slope
from chalicelib.agents.run_context import RunContext

from tests.fakes.scripted_model import Call, Say, ScriptedModel


def terrain(script, **parameters):
    model = ScriptedModel(script)
    return model, registry.load("terrain")(RunContext("How steep is it?", parameters, model))


def test_it_is_there_and_described():
    assert registry.description("terrain").startswith("Answers questions about the ground")


@pytest.mark.parametrize("tool", [slope, roughness, buildable_cells])
def test_every_argument_has_a_default_and_every_area_is_named(tool):
    schema = tool.tool_spec["inputSchema"]["json"]
    assert "required" not in schema
    assert schema["properties"]["area"]["enum"] == ["whole", "north_west", "north_east", "south_west", "south_east"]
    assert all("default" in argument and argument["description"] for argument in schema["properties"].values())


def test_numbers_have_bounds():
    properties = buildable_cells.tool_spec["inputSchema"]["json"]["properties"]
    bounds = {name: (about.get("minimum"), about.get("maximum")) for name, about in properties.items()}
    assert bounds == {"area": (None, None), "max_slope_degrees": (0, 90), "max_roughness_metres": (0, 1000)}


@pytest.mark.parametrize("tool", ["slope", "roughness", "buildable_cells"])
def test_each_tool_answers_by_its_defaults(tool):
    _, agent = terrain([Call(tool), Say("{tool_result}")])
    assert json.loads(str(agent("How steep is it?")))["area"] == "whole"


def test_a_wrong_argument_is_told_to_the_model():
    model, agent = terrain([Call("buildable_cells", {"max_slope_degrees": 91}), Say("{tool_result}")])
    assert "max_slope_degrees" in str(agent("Where can we build?"))
    assert model.calls[-1][-1]["content"][0]["toolResult"]["status"] == "error"


def test_the_agent_knows_its_map_and_parameters():
    model, agent = terrain([Say("ok")], region="{north}")
    agent("How steep is it?")
    assert "Jacksboro fault, Tennessee, USA" in model.system_prompt
    assert '{"region": "{north}"}' in model.system_prompt
