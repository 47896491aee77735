"""The Jensen/Park wake model: a wind farm's annual energy with and without the wakes of its turbines.

Behind a turbine the wind is slower within a cone that widens by the wake constant. The deficits of several wakes at one
turbine combine as the root of the sum of their squares; a partial wake counts by its share of the rotor.

Source: Jensen, N. O. (1983), A note on wind generator interaction, Risø-M-2411; Katic, I. et al. (1986), A simple
model for cluster efficiency, EWEC '86.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chalicelib.agents.demo.wind.data import Position, Sector, Turbine

# Rows of turbines shade each other only within a few degrees, so a sector of 30 degrees is divided into steps of 5.
_DIRECTIONS_IN_A_SECTOR = 6
_HOURS_IN_A_YEAR = 8760
# The resolution of the tabulated curves. A table makes each lookup a single index operation.
_STEPS_IN_ONE_METRE_PER_SECOND = 100

_Shade = tuple[int, float]


@dataclass(frozen=True)
class Energy:
    """The annual energy of a farm.

    Attributes:
        gross_gigawatt_hours: The energy without wakes.
        net_gigawatt_hours_by_sector: The energy with wakes for each sector of the wind, in the given order.
        installed_megawatts: The rated power of all turbines.
    """

    gross_gigawatt_hours: float
    net_gigawatt_hours_by_sector: tuple[float, ...]
    installed_megawatts: float

    @property
    def net_gigawatt_hours(self) -> float:
        """The energy with wakes."""
        return sum(self.net_gigawatt_hours_by_sector)

    @property
    def wake_loss_percent(self) -> float:
        """The share of the gross energy that wakes cost."""
        return 100 * (1 - self.net_gigawatt_hours / self.gross_gigawatt_hours)

    @property
    def capacity_factor(self) -> float:
        """The net energy divided by the energy at rated power."""
        return self.net_gigawatt_hours * 1000 / (self.installed_megawatts * _HOURS_IN_A_YEAR)


def annual_energy(
    positions: Sequence[Position], turbine: Turbine, wind: Sequence[Sector], *, wake_constant: float
) -> Energy:
    """Return a farm's annual energy.

    Args:
        positions: The positions of its turbines, all of one type and height, on level ground.
        turbine: The type of the turbines.
        wind: The wind at hub height, in equal sectors.
        wake_constant: The growth of a wake's radius for each metre: about 0.075 on land, 0.04 at sea.
    """
    curves = _Curves(turbine)
    gross_kilowatts = 0.0
    net_kilowatts = []
    for sector in wind:
        chances = [
            (speed, _chance(sector, speed) * sector.frequency / _DIRECTIONS_IN_A_SECTOR)
            for speed in turbine.speeds_metres_per_second
        ]
        net = 0.0
        for direction_degrees in _directions(sector, 360 / len(wind)):
            shades = _shades(positions, turbine.diameter_metres / 2, direction_degrees, wake_constant)
            for speed, chance in chances:
                gross_kilowatts += chance * curves.power_kilowatts(speed) * len(positions)
                net += chance * _farm_kilowatts(shades, curves, speed)
        net_kilowatts.append(net)
    to_gigawatt_hours = _HOURS_IN_A_YEAR / 1e6
    return Energy(
        gross_gigawatt_hours=gross_kilowatts * to_gigawatt_hours,
        net_gigawatt_hours_by_sector=tuple(net * to_gigawatt_hours for net in net_kilowatts),
        installed_megawatts=len(positions) * turbine.rated_megawatts,
    )


def mean_speed_metres_per_second(wind: Sequence[Sector]) -> float:
    """Return the mean of all speeds from all sectors."""
    return sum(sector.frequency * sector.scale_metres_per_second * math.gamma(1 + 1 / sector.shape) for sector in wind)


def overlap(wake_radius: float, rotor_radius: float, distance: float) -> float:
    """Return the share of a rotor that a wake covers, from 0 to 1; `distance` is between their centres."""
    if distance >= wake_radius + rotor_radius:
        return 0.0
    if distance <= wake_radius - rotor_radius:
        return 1.0
    if distance <= rotor_radius - wake_radius:
        return (wake_radius / rotor_radius) ** 2
    in_wake = (distance**2 + wake_radius**2 - rotor_radius**2) / (2 * distance * wake_radius)
    in_rotor = (distance**2 + rotor_radius**2 - wake_radius**2) / (2 * distance * rotor_radius)
    lens = (
        wake_radius**2 * math.acos(in_wake)
        + rotor_radius**2 * math.acos(in_rotor)
        - distance * wake_radius * math.sqrt(1 - in_wake**2)
    )
    return lens / (math.pi * rotor_radius**2)


def _chance(sector: Sector, speed: float) -> float:
    """Return the probability of the speeds within 0.5 m/s of this one."""

    def faster(than: float) -> float:
        return math.exp(-((than / sector.scale_metres_per_second) ** sector.shape))

    return faster(speed - 0.5) - faster(speed + 0.5)


def _directions(sector: Sector, width_degrees: float) -> Iterator[float]:
    step = width_degrees / _DIRECTIONS_IN_A_SECTOR
    for number in range(_DIRECTIONS_IN_A_SECTOR):
        yield sector.direction_degrees - width_degrees / 2 + step * (number + 0.5)


def _shades(
    positions: Sequence[Position], radius: float, direction_degrees: float, wake_constant: float
) -> list[list[_Shade]]:
    """Return, for each turbine from windward to leeward, the wakes that reach it.

    A wake is the index of its turbine in this list and the share of the deficit that arrives.
    """
    sine, cosine = math.sin(math.radians(direction_degrees)), math.cos(math.radians(direction_degrees))
    # Each turbine's distance down the wind and across it.
    along = sorted((-east * sine - north * cosine, east * cosine - north * sine) for east, north in positions)
    shades: list[list[_Shade]] = []
    for place, (down, across) in enumerate(along):
        shading = []
        for windward in range(place):
            windward_down, windward_across = along[windward]
            distance = abs(across - windward_across)
            wake_radius = radius + wake_constant * (down - windward_down)
            if distance < wake_radius + radius and down > windward_down:
                covered = overlap(wake_radius, radius, distance)
                shading.append((windward, covered * (radius / wake_radius) ** 2))
        shades.append(shading)
    return shades


def _farm_kilowatts(shades: list[list[_Shade]], curves: _Curves, speed: float) -> float:
    power = 0.0
    deficits: list[float] = []  # directly behind each turbine, as a share of the free wind
    for shading in shades:
        lost = math.sqrt(sum((deficits[windward] * share) ** 2 for windward, share in shading)) if shading else 0.0
        behind, kilowatts = curves.at(speed * (1 - lost))
        deficits.append(behind)
        power += kilowatts
    return power


class _Curves:
    """A turbine's tabulated curves: its power, and the deficit directly behind it, which follows from its thrust."""

    def __init__(self, turbine: Turbine) -> None:
        speeds = turbine.speeds_metres_per_second
        self._first = speeds[0]
        steps = round((speeds[-1] - speeds[0]) * _STEPS_IN_ONE_METRE_PER_SECOND)
        self._table = [
            (1 - math.sqrt(1 - _between(speeds, turbine.thrust_coefficients, speed)),
             _between(speeds, turbine.power_kilowatts, speed))
            for speed in (speeds[0] + step / _STEPS_IN_ONE_METRE_PER_SECOND for step in range(steps + 1))
        ]  # fmt: skip

    def at(self, speed: float) -> tuple[float, float]:
        """Return the deficit directly behind the turbine and its power in kilowatts; both are 0 when it has stopped."""
        step = round((speed - self._first) * _STEPS_IN_ONE_METRE_PER_SECOND)
        return self._table[step] if 0 <= step < len(self._table) else (0.0, 0.0)

    def power_kilowatts(self, speed: float) -> float:
        """Return the turbine's power."""
        return self.at(speed)[1]


def _between(speeds: Sequence[float], values: Sequence[float], speed: float) -> float:
    after = next((place for place, known in enumerate(speeds) if known >= speed), len(speeds) - 1)
    before = max(after - 1, 0)
    if speeds[after] == speeds[before]:
        return values[after]
    share = (speed - speeds[before]) / (speeds[after] - speeds[before])
    return values[before] + share * (values[after] - values[before])
