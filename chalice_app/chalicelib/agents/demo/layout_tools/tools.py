"""The layout agent's tool. Settings of the run's caller override the model's arguments."""

from __future__ import annotations

from typing import Any

from pydantic import Field
from strands import ToolContext, tool

from chalicelib.agents.demo.layout_tools.placement import place_turbines as placed
from chalicelib.agents.demo.terrain_tools.grid import Area, jacksboro
from chalicelib.agents.demo.wind.data import vestas_v80
from chalicelib.agents.demo.wind.findings import Found, note
from chalicelib.agents.demo.wind.settings import AREA, MAX_ROUGHNESS_METRES, MAX_SLOPE_DEGREES, settled

TURBINES = 20
SPACING_DIAMETERS = 5.0


@tool(context=True)
def place_turbines(
    tool_context: ToolContext,
    turbines: int = Field(default=TURBINES, ge=1, le=100, description="How many turbines to place."),
    spacing_diameters: float = Field(
        default=SPACING_DIAMETERS, ge=2, le=20, description="The least distance between two, in rotor diameters."
    ),
    max_slope_degrees: float = Field(
        default=MAX_SLOPE_DEGREES, ge=0, le=90, description="Steeper ground is not built on."
    ),
    max_roughness_metres: float = Field(
        default=MAX_ROUGHNESS_METRES, ge=0, le=1000, description="Rougher ground is not built on."
    ),
    area: Area = AREA,
) -> dict[str, Any]:
    """Place Vestas V80 turbines (80 m of diameter, 2 MW) as a compact farm on level ground of the map.

    Settings of the run's caller override these arguments. Fewer turbines are placed if there is no room for more.
    Returns their number, their positions in metres east and north of the map's south-western corner, the minimum
    distance between two, the installed capacity, the farm's area and the steepest slope under a turbine.
    """
    settings = settled(
        tool_context,
        turbines=turbines,
        spacing_diameters=spacing_diameters,
        max_slope_degrees=max_slope_degrees,
        max_roughness_metres=max_roughness_metres,
        area=area,
    )
    return note(tool_context, layout_found(**settings))


def layout_found(
    *,
    turbines: int = TURBINES,
    spacing_diameters: float = SPACING_DIAMETERS,
    max_slope_degrees: float = MAX_SLOPE_DEGREES,
    max_roughness_metres: float = MAX_ROUGHNESS_METRES,
    area: Area = "whole",
) -> Found:
    """Return the facts of a layout on the map.

    Raises:
        ValueError: There is no place for a single turbine.
    """
    turbine = vestas_v80()
    layout = placed(
        jacksboro(),
        area,
        turbines=turbines,
        spacing_metres=spacing_diameters * turbine.diameter_metres,
        max_slope_degrees=max_slope_degrees,
        max_roughness_metres=max_roughness_metres,
    )
    if not layout.positions or layout.steepest_slope_degrees is None or layout.mean_elevation_metres is None:
        raise ValueError("No cell of this area is level and even enough for a turbine: allow more slope or roughness.")
    found: Found = {
        "positions": ([list(position) for position in layout.positions], "m"),
        "turbine": (turbine.name, None),
        "turbines": (len(layout.positions), None),
        "turbines_asked": (turbines, None),
        "spacing_asked": (spacing_diameters, "diameters"),
        "installed_capacity": (len(layout.positions) * turbine.rated_megawatts, "MW"),
        "farm_area": (round(layout.area_square_kilometres, 2), "km2"),
        "steepest_slope": (round(layout.steepest_slope_degrees, 1), "degrees"),
        "mean_elevation": (round(layout.mean_elevation_metres), "m"),
        "area": (area, None),
        "slope_limit": (max_slope_degrees, "degrees"),
        "roughness_limit": (max_roughness_metres, "m"),
    }
    if layout.min_spacing_metres is not None:
        found["min_spacing"] = (round(layout.min_spacing_metres, 1), "m")
    return found
