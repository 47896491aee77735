"""Places wind turbines on the map's level ground, a minimum spacing apart."""

from __future__ import annotations

from strands import Agent

from chalicelib.agents.demo.layout_tools.tools import place_turbines
from chalicelib.agents.demo.terrain_tools.grid import jacksboro
from chalicelib.agents.demo.wind.findings import findings_of
from chalicelib.agents.demo.wind.settings import Settings, settings_of, told
from chalicelib.agents.run_context import RunContext

_NAMES = ("turbines", "spacing_diameters", "max_slope_degrees", "max_roughness_metres", "area")
_TERRAIN_FACTS = {"slope_limit": "max_slope_degrees", "roughness_limit": "max_roughness_metres", "area": "area"}

_INSTRUCTIONS = """You lay out wind farms on one map: {map}.
Place the turbines with your tool, once for each layout that is asked for, the one to be kept last. Say how many stand,
how far apart, and on how much land; state each number with its unit, and list no positions: they are kept.
{settings}"""


def build(run: RunContext) -> Agent:
    """Return a new layout agent for one run.

    `parameters` may set `turbines`, `spacing_diameters`, `max_slope_degrees`, `max_roughness_metres` and `area`. The
    terrain agent's findings in `inputs`, if any, supply the slope, roughness and area that `parameters` do not set.
    """
    limits: Settings = {}
    for facts in findings_of(run.parameters).values():
        limits |= {name: facts[fact] for fact, name in _TERRAIN_FACTS.items() if fact in facts}
    settings = settings_of({**limits, **run.parameters}, _NAMES)
    return Agent(
        name="layout",
        description="Places wind turbines under limits of slope and spacing.",
        model=run.model,
        tools=[place_turbines],
        state={"settings": settings},
        system_prompt=_INSTRUCTIONS.format(map=jacksboro().name, settings=told(settings)),
        callback_handler=None,
    )
