"""Answers questions about the ground of one map, from measurements: slope, roughness, buildable ground."""

from __future__ import annotations

import json

from strands import Agent

from chalicelib.agents.demo.terrain_tools.grid import jacksboro
from chalicelib.agents.demo.terrain_tools.tools import buildable_cells, roughness, slope
from chalicelib.agents.demo.wind.settings import settings_of
from chalicelib.agents.run_context import RunContext

_INSTRUCTIONS = """You are a terrain analyst. You answer questions about the ground of one map: {map}.
Measure with your tools before you answer, and state each number with its unit. Do not guess what no tool measures.
Parameters that the user has set, as JSON: {parameters}"""


def build(run: RunContext) -> Agent:
    """Return a new terrain agent for one run.

    `parameters` may set `area`, `max_slope_degrees` and `max_roughness_metres`.
    """
    settings = settings_of(run.parameters, ("area", "max_slope_degrees", "max_roughness_metres"))
    return Agent(
        name="terrain",
        description="Measures slope, roughness and buildable ground on an elevation map.",
        model=run.model,
        tools=[slope, roughness, buildable_cells],
        state={"settings": settings},
        system_prompt=_INSTRUCTIONS.format(map=jacksboro().name, parameters=json.dumps(run.parameters)),
        callback_handler=None,
    )
