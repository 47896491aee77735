"""The wind farm Horns Rev 1: its layout, its wind climate and its type of turbine.

The files in `data` name the sources of the figures. `bench/pywake/extract.py` writes these files.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

Position = tuple[float, float]
"""Metres east and north of some point."""

HORNS_REV_1 = "Horns Rev 1"

_DATA = Path(__file__).parents[1] / "data"


@dataclass(frozen=True)
class Turbine:
    """A type of turbine. Its curves are linear between the given speeds, and it stops outside their range.

    Attributes:
        speeds_metres_per_second: Wind speeds in ascending order.
        power_kilowatts: The power at each speed.
        thrust_coefficients: The thrust coefficient at each speed.
    """

    name: str
    diameter_metres: float
    rated_megawatts: float
    speeds_metres_per_second: tuple[float, ...]
    power_kilowatts: tuple[float, ...]
    thrust_coefficients: tuple[float, ...]


@dataclass(frozen=True)
class Sector:
    """The wind from one of several equal sectors of the compass.

    Attributes:
        direction_degrees: The middle of the sector that the wind comes from: 0 is north, 90 is east.
        frequency: The share of the time; all sectors add up to 1.
        scale_metres_per_second: The scale of the Weibull distribution of the speeds at hub height.
        shape: The shape of that distribution.
    """

    direction_degrees: float
    frequency: float
    scale_metres_per_second: float
    shape: float


@cache
def vestas_v80() -> Turbine:
    """Return the turbine of Horns Rev 1: 80 m of diameter, 2 MW."""
    stored = _stored("vestas_v80")
    return Turbine(
        name=stored["name"],
        diameter_metres=stored["diameterMetres"],
        rated_megawatts=stored["ratedMegawatts"],
        speeds_metres_per_second=tuple(stored["windSpeedsMetresPerSecond"]),
        power_kilowatts=tuple(stored["powerKilowatts"]),
        thrust_coefficients=tuple(stored["thrustCoefficients"]),
    )


@cache
def horns_rev_1_wind() -> tuple[Sector, ...]:
    """Return the wind climate of Horns Rev 1, in twelve sectors."""
    return tuple(
        Sector(
            direction_degrees=sector["directionDegrees"],
            frequency=sector["frequency"],
            scale_metres_per_second=sector["weibullScaleMetresPerSecond"],
            shape=sector["weibullShape"],
        )
        for sector in _stored("horns_rev_1")["sectors"]
    )


@cache
def horns_rev_1_layout() -> tuple[Position, ...]:
    """Return the positions of the 80 turbines of Horns Rev 1."""
    return tuple((east, north) for east, north in _stored("horns_rev_1")["positionsMetres"])


def _stored(name: str) -> dict[str, Any]:
    stored: dict[str, Any] = json.loads((_DATA / f"{name}.json").read_text())
    return stored
