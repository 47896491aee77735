"""The wind farm Horns Rev 1: where its turbines stand, what wind they have, and what such a turbine makes of it.

The files in `data` say where the figures are from. `bench/pywake/extract.py` writes them.
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
    """A type of turbine; its curves are straight between the speeds that are given, and it stands still beyond them.

    Attributes:
        speeds_metres_per_second: Rising.
        power_kilowatts: At each of these speeds.
        thrust_coefficients: At each of these speeds.
    """

    name: str
    diameter_metres: float
    rated_megawatts: float
    speeds_metres_per_second: tuple[float, ...]
    power_kilowatts: tuple[float, ...]
    thrust_coefficients: tuple[float, ...]


@dataclass(frozen=True)
class Sector:
    """The wind from one of the equal sectors of the compass.

    Attributes:
        direction_degrees: Where it comes from, in the middle of the sector: 0 is north, 90 east.
        frequency: The share of the time; those of all sectors add up to 1.
        scale_metres_per_second: Of the Weibull distribution of its speeds, at hub height.
        shape: Of that distribution.
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
    """Return where the 80 turbines of Horns Rev 1 stand."""
    return tuple((east, north) for east, north in _stored("horns_rev_1")["positionsMetres"])


def _stored(name: str) -> dict[str, Any]:
    stored: dict[str, Any] = json.loads((_DATA / f"{name}.json").read_text())
    return stored
