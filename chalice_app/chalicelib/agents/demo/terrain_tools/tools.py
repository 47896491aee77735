"""The terrain agent's tools: the analyses, as a model may call them.

What a model reads is the docstring and the JSON schema, so units and bounds stand in both. Strands takes a
parameter's bounds from a pydantic `Field` given as its default.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field
from strands import tool

from chalicelib.agents.demo.terrain_tools import analysis
from chalicelib.agents.demo.terrain_tools.grid import Area, jacksboro

_AREA: Any = Field(default="whole", description="Which part of the map: the whole of it, or one of its quarters.")


@tool
def slope(area: Area = _AREA) -> dict[str, Any]:
    """Measure how steep the ground is.

    Returns the mean and median slope in degrees, the steepest cell with its position and elevation, and the
    percentage of the ground in each class of slope.
    """
    return analysis.slope_summary(jacksboro(), area)


@tool
def roughness(area: Area = _AREA) -> dict[str, Any]:
    """Measure how rough the ground is: the difference of height, in metres, among neighbouring cells.

    Returns the mean and median roughness in metres, the roughest cell with its position, and the lowest and highest
    elevation.
    """
    return analysis.roughness_summary(jacksboro(), area)


@tool
def buildable_cells(
    area: Area = _AREA,
    max_slope_degrees: float = Field(default=5.0, ge=0, le=90, description="Steeper ground is not buildable."),
    max_roughness_metres: float = Field(default=40.0, ge=0, le=1000, description="Rougher ground is not buildable."),
) -> dict[str, Any]:
    """Find the ground that is level and even enough to build on.

    Returns how many cells, hectares and percent are buildable, and the size, elevation and centre of the largest
    connected patch (none: null).
    """
    return analysis.buildable_summary(
        jacksboro(), area, max_slope_degrees=max_slope_degrees, max_roughness_metres=max_roughness_metres
    )
