"""The terrain agent's tools. Settings of the run's caller override the model's arguments.

A model reads the docstring and the JSON schema, so both state units and bounds. Strands takes a parameter's bounds from
a pydantic `Field` that is its default.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field
from strands import ToolContext, tool

from chalicelib.agents.demo.terrain_tools import analysis
from chalicelib.agents.demo.terrain_tools.grid import Area, jacksboro
from chalicelib.agents.demo.wind.findings import Found, note
from chalicelib.agents.demo.wind.settings import AREA, MAX_ROUGHNESS_METRES, MAX_SLOPE_DEGREES, settled


@tool(context=True)
def slope(tool_context: ToolContext, area: Area = AREA) -> dict[str, Any]:
    """Measure how steep the ground is.

    Returns the mean and median slope in degrees, the steepest cell with its position and elevation, and the
    percentage of the ground in each class of slope.
    """
    summary = analysis.slope_summary(jacksboro(), **settled(tool_context, area=area))
    note(tool_context, _slope_found(summary))
    return summary


@tool(context=True)
def roughness(tool_context: ToolContext, area: Area = AREA) -> dict[str, Any]:
    """Measure how rough the ground is: the difference of height, in metres, among neighbouring cells.

    Returns the mean and median roughness in metres, the roughest cell with its position, and the lowest and highest
    elevation.
    """
    summary = analysis.roughness_summary(jacksboro(), **settled(tool_context, area=area))
    note(tool_context, _roughness_found(summary))
    return summary


@tool(context=True)
def buildable_cells(
    tool_context: ToolContext,
    area: Area = AREA,
    max_slope_degrees: float = Field(
        default=MAX_SLOPE_DEGREES, ge=0, le=90, description="Steeper ground is not buildable."
    ),
    max_roughness_metres: float = Field(
        default=MAX_ROUGHNESS_METRES, ge=0, le=1000, description="Rougher ground is not buildable."
    ),
) -> dict[str, Any]:
    """Find the ground that is level and even enough to build on.

    Returns how many cells, hectares and percent are buildable, and the size, elevation and centre of the largest
    connected patch (none: null).
    """
    settings = settled(
        tool_context, area=area, max_slope_degrees=max_slope_degrees, max_roughness_metres=max_roughness_metres
    )
    summary = analysis.buildable_summary(jacksboro(), **settings)
    note(tool_context, _buildable_found(summary))
    return summary


def ground_found() -> Found:
    """Return all facts of the whole map with the default limits."""
    limits = {"max_slope_degrees": MAX_SLOPE_DEGREES, "max_roughness_metres": MAX_ROUGHNESS_METRES}
    return (
        _slope_found(analysis.slope_summary(jacksboro(), "whole"))
        | _roughness_found(analysis.roughness_summary(jacksboro(), "whole"))
        | _buildable_found(analysis.buildable_summary(jacksboro(), "whole", **limits))
    )


def _slope_found(summary: dict[str, Any]) -> Found:
    return {
        "mean_slope": (summary["mean_slope_degrees"], "degrees"),
        "mean_slope_of": (summary["area"], None),
    }


def _roughness_found(summary: dict[str, Any]) -> Found:
    return {
        "mean_roughness": (summary["mean_roughness_metres"], "m"),
        "mean_roughness_of": (summary["area"], None),
        "lowest_elevation": (summary["lowest_elevation_metres"], "m"),
        "highest_elevation": (summary["highest_elevation_metres"], "m"),
    }


def _buildable_found(summary: dict[str, Any]) -> Found:
    patch = summary["largest_patch"]
    return {
        "area": (summary["area"], None),
        "slope_limit": (summary["max_slope_degrees"], "degrees"),
        "roughness_limit": (summary["max_roughness_metres"], "m"),
        "buildable_share": (summary["buildable_percent"], "%"),
        "buildable_area": (summary["buildable_hectares"], "ha"),
        "largest_patch": (patch["hectares"] if patch else 0, "ha"),
    }
