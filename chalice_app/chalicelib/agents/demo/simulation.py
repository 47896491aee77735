"""Simulates a wind farm's year: its energy, and the loss by the wakes of its turbines."""

from __future__ import annotations

from strands import Agent

from chalicelib.agents.demo.simulation_tools.tools import annual_energy, wind_climate
from chalicelib.agents.demo.wind.data import HORNS_REV_1
from chalicelib.agents.demo.wind.findings import findings_of, layout_in
from chalicelib.agents.demo.wind.settings import settings_of, told
from chalicelib.agents.run_context import RunContext

_INSTRUCTIONS = """You estimate what a wind farm makes in a year. The farm at hand: {layout}.
Its wind is that of {wind}, and the ground is taken as level: say so. Simulate with your tools before you answer, and
state each number with its unit. Do not guess what no tool says.
{settings}"""


def build(run: RunContext) -> Agent:
    """Return a new simulation agent for one run.

    The farm is the layout in `inputs`, by default Horns Rev 1. `parameters` may set `wake_constant`.
    """
    settings = settings_of(run.parameters, ("wake_constant",))
    layout = layout_in(findings_of(run.parameters))
    return Agent(
        name="simulation",
        description="Simulates a wind farm's annual energy with the Jensen wake model.",
        model=run.model,
        tools=[wind_climate, annual_energy],
        state={"settings": settings, "layout": {"name": layout[0], "positions": layout[1]} if layout else None},
        system_prompt=_INSTRUCTIONS.format(
            layout=f"{layout[0]}, {len(layout[1])} turbines" if layout else HORNS_REV_1,
            wind=HORNS_REV_1,
            settings=told(settings),
        ),
        callback_handler=None,
    )
