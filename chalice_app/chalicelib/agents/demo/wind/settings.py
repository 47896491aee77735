"""What the caller of a run has set, by its parameters: that holds, whatever the model asks a tool for.

A playbook lays out three farms by three spacings; that these are kept must not hang on how well a model reads. The
parameters are checked when the agent is built, so that a wrong one ends the run with its reason.
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
"""The numbers that may be set."""

MAX_SLOPE_DEGREES = 5.0
MAX_ROUGHNESS_METRES = 40.0
"""Of ground to build on, unless somebody sets it."""

AREA: Any = Field(default="whole", description="Which part of the map: the whole of it, or one of its quarters.")
"""The argument of a tool that looks at a part of the map."""

Settings = dict[str, Any]


def settings_of(parameters: Mapping[str, Any], names: Collection[str]) -> Settings:
    """Return those of the parameters that are named, checked.

    Raises:
        ValueError: One does not fit.
    """
    return {name: _checked(name, parameters[name]) for name in names if name in parameters}


def told(settings: Settings) -> str:
    """Return what a model is told of them."""
    return f"Set already, whatever you ask a tool for: {json.dumps(settings)}" if settings else ""


def settled(tool_context: ToolContext, **asked: Any) -> Settings:
    """Return what a tool shall work by: what the model has asked for, except where the caller has set it."""
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
