"""The simulation agent's tools: the wind climate, and the annual energy of the farm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field
from strands import ToolContext, tool

from chalicelib.agents.demo.simulation_tools import wake
from chalicelib.agents.demo.wind.data import (
    HORNS_REV_1,
    Position,
    horns_rev_1_layout,
    horns_rev_1_wind,
    vestas_v80,
)
from chalicelib.agents.demo.wind.findings import Found, note
from chalicelib.agents.demo.wind.settings import settled

WAKE_CONSTANT = 0.05


@tool(context=True)
def wind_climate(tool_context: ToolContext) -> dict[str, Any]:
    """Describe the wind at hub height: its mean speed, and how often it comes from each sector of the compass."""
    return {
        **note(tool_context, wind_found()),
        "frequency_percent_by_direction_degrees": {
            f"{sector.direction_degrees:g}": round(100 * sector.frequency, 1) for sector in horns_rev_1_wind()
        },
    }


@tool(context=True)
def annual_energy(
    tool_context: ToolContext,
    wake_constant: float = Field(
        default=WAKE_CONSTANT,
        ge=0.01,
        le=0.2,
        description="How fast wakes widen: about 0.075 on land, 0.04 to 0.05 at sea.",
    ),
) -> dict[str, Any]:
    """Simulate a year of the wind farm at hand, by the Jensen wake model.

    Returns the annual energy without wakes (gross) and with them (net), in GWh, the loss by wakes in percent, the
    capacity factor, and the net energy by the direction that the wind comes from.
    """
    settings = settled(tool_context, wake_constant=wake_constant)
    layout = tool_context.agent.state.get("layout")
    name, positions = (layout["name"], layout["positions"]) if layout else (HORNS_REV_1, horns_rev_1_layout())
    return note(tool_context, energy_found(name, positions, **settings))


def wind_found() -> Found:
    """Return the facts of the wind."""
    return {
        "wind_climate": (HORNS_REV_1, None),
        "mean_wind_speed": (round(wake.mean_speed_metres_per_second(horns_rev_1_wind()), 2), "m/s"),
    }


def energy_found(layout: str, positions: Sequence[Position], *, wake_constant: float = WAKE_CONSTANT) -> Found:
    """Return the facts of a simulated year.

    Args:
        layout: The layout's name.
        positions: The positions of its turbines.
        wake_constant: See `wake.annual_energy`.
    """
    turbine, wind = vestas_v80(), horns_rev_1_wind()
    energy = wake.annual_energy(positions, turbine, wind, wake_constant=wake_constant)
    return {
        "layout": (layout, None),
        "turbine": (turbine.name, None),
        "turbines": (len(positions), None),
        "installed_capacity": (energy.installed_megawatts, "MW"),
        "gross_annual_energy": (round(energy.gross_gigawatt_hours, 2), "GWh"),
        "net_annual_energy": (round(energy.net_gigawatt_hours, 2), "GWh"),
        "wake_loss": (round(energy.wake_loss_percent, 2), "%"),
        "capacity_factor": (round(energy.capacity_factor, 4), None),
        "wake_constant": (wake_constant, None),
        "net_annual_energy_by_direction": (
            {
                f"{sector.direction_degrees:g}": round(gigawatt_hours, 2)
                for sector, gigawatt_hours in zip(wind, energy.net_gigawatt_hours_by_sector, strict=True)
            },
            "GWh",
        ),
    }
