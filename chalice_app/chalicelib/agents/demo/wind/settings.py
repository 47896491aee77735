"""The settings in a run's parameters, which override the arguments that the model passes to a tool.

For example, a playbook lays out three farms with three spacings. This must not depend on how well a model follows
instructions. The parameters are checked when the agent is built, so an invalid one ends the run with its reason.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any, get_args

from pydantic import Field
from strands import ToolContext

from chalicelib.agents.demo.terrain_tools.grid import Area

BOUNDS: dict[str, tuple[float, float]] = {
    "turbines": (1, 100),
    "spacing_diameters": (2, 20),
    "max_slope_degrees": (0, 90),
    "max_roughness_metres": (0, 1000),
    "wake_constant": (0.01, 0.2),
}
"""The minimum and maximum of each numeric setting."""

MAX_SLOPE_DEGREES = 5.0
MAX_ROUGHNESS_METRES = 40.0
"""The default limits of buildable ground."""

AREA: Any = Field(default="whole", description="Which part of the map: the whole of it, or one of its quarters.")
"""The argument `area` of a tool."""

Settings = dict[str, Any]


def settings_of(parameters: Mapping[str, Any], names: Collection[str]) -> Settings:
    """Return the settings with these names, validated.

    Raises:
        ValueError: A setting is invalid.
    """
    return {name: _checked(name, parameters[name]) for name in names if name in parameters}


def told(settings: Settings) -> str:
    """Return the sentence about the settings in the model's instructions."""
    return f"Fixed settings, which override your tool arguments: {json.dumps(settings)}" if settings else ""


def settled(tool_context: ToolContext, **asked: Any) -> Settings:
    """Return the effective arguments of a tool: the caller's settings, else the model's arguments."""
    fixed: Settings = tool_context.agent.state.get("settings") or {}
    return {name: fixed.get(name, value) for name, value in asked.items()}


def _checked(name: str, value: Any) -> Any:
    if name == "area":
        if value in get_args(Area):
            return value
        raise ValueError(f"parameters.area must be one of: {', '.join(get_args(Area))}.")
    low, high = BOUNDS[name]
    whole = name == "turbines"
    if isinstance(value, int if whole else int | float) and not isinstance(value, bool) and low <= value <= high:
        return value
    raise ValueError(f"parameters.{name} must be a {'whole ' if whole else ''}number from {low} to {high}.")
