"""The wake model against known values, its formulas, and PyWake's figures for Horns Rev 1."""

from __future__ import annotations

import math

import pytest
from chalicelib.agents.demo.simulation_tools.wake import annual_energy, mean_speed_metres_per_second, overlap
from chalicelib.agents.demo.wind.data import Sector, horns_rev_1_layout, horns_rev_1_wind, vestas_v80
from hypothesis import given, settings
from hypothesis import strategies as st

# PyWake 2.6.20, NOJ: `make compare-pywake` computes them again. Gross and net GWh in a year, by the wake constant.
PYWAKE_GROSS = 744.036
PYWAKE_NET = {0.04: 661.930, 0.05: 672.692, 0.075: 690.853, 0.1: 701.865}

V80 = vestas_v80()


def from_the_west(shape):
    return tuple(Sector(30 * sector, float(sector == 9), 9.0, shape) for sector in range(12))


FROM_THE_WEST = from_the_west(2.0)
ALL_AROUND = tuple(Sector(90 * quarter, 0.25, 9.0, 2.0) for quarter in range(4))


def net(positions, wind=FROM_THE_WEST, wake_constant=0.05):
    return annual_energy(positions, V80, wind, wake_constant=wake_constant).net_gigawatt_hours


@pytest.mark.parametrize("wake_constant", PYWAKE_NET)
def test_horns_rev_1_makes_what_pywake_says(wake_constant):
    energy = annual_energy(horns_rev_1_layout(), V80, horns_rev_1_wind(), wake_constant=wake_constant)
    assert energy.gross_gigawatt_hours == pytest.approx(PYWAKE_GROSS, rel=0.001)
    assert energy.net_gigawatt_hours == pytest.approx(PYWAKE_NET[wake_constant], rel=0.002)
    assert energy.installed_megawatts == 160
    assert energy.wake_loss_percent == pytest.approx(100 - 100 * energy.net_gigawatt_hours / PYWAKE_GROSS, abs=0.1)
    assert energy.capacity_factor == pytest.approx(energy.net_gigawatt_hours * 1000 / 160 / 8760)


def test_one_turbine_loses_nothing():
    energy = annual_energy([(0, 0)], V80, ALL_AROUND, wake_constant=0.05)
    assert energy.net_gigawatt_hours == pytest.approx(energy.gross_gigawatt_hours)
    assert 0 <= energy.wake_loss_percent < 1e-9


def test_a_turbine_behind_another_makes_what_it_would_in_the_wind_that_jensen_left():
    spacing, wake_constant = 10_000.0, 0.05
    left = 9 * (1 - (1 - math.sqrt(1 - 0.807)) * (40 / (40 + wake_constant * spacing)) ** 2)
    behind = 696 + (left - 8) * (996 - 696)
    # Of the six directions in the sector, 2.5 degrees to either side have the whole rotor in the wake, the others none.
    # Of a Weibull distribution this narrow all is within the bin of 9 m/s.
    expected = 8760 / 1e6 * (996 + (4 * 996 + 2 * behind) / 6)
    assert net([(0, 0), (spacing, 0)], from_the_west(500), wake_constant) == pytest.approx(expected, rel=1e-3)


def test_side_by_side_they_do_not_shade_each_other():
    assert net([(0, 0), (0, 1000)]) == pytest.approx(2 * net([(0, 0)]))


def test_it_is_the_windward_one_that_shades():
    energy = annual_energy([(0, 0), (400, 0)], V80, ALL_AROUND, wake_constant=0.05)
    north, east, south, west = energy.net_gigawatt_hours_by_sector
    assert (north, east) == (pytest.approx(south), pytest.approx(west))
    assert east < north


def test_more_apart_or_with_wider_wakes_less_is_lost():
    apart = [net([(0, 0), (metres, 0)]) for metres in (200, 400, 800, 1600)]
    assert apart == sorted(apart)
    wider = [net([(0, 0), (400, 0)], wake_constant=constant) for constant in (0.03, 0.05, 0.075, 0.1)]
    assert wider == sorted(wider)


@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 5000)), min_size=1, max_size=6, unique=True))
@settings(max_examples=30)
def test_never_more_than_without_wakes_and_the_order_does_not_matter(positions):
    energy = annual_energy(positions, V80, ALL_AROUND, wake_constant=0.075)
    assert 0 < energy.net_gigawatt_hours <= energy.gross_gigawatt_hours * (1 + 1e-9)
    assert net(positions[::-1], ALL_AROUND, 0.075) == pytest.approx(energy.net_gigawatt_hours)


@pytest.mark.parametrize(
    ("wake_radius", "distance", "part"),
    [(100, 0, 1), (100, 60, 1), (100, 140, 0), (20, 0, 0.25), (40, 80, 0), (40, 0, 1), (1e6, 1e6, 0.5)],
)
def test_the_part_of_a_rotor_in_a_wake(wake_radius, distance, part):
    assert overlap(wake_radius, 40, distance) == pytest.approx(part, abs=1e-4)


def test_equal_circles_a_radius_apart_overlap_by_the_vesica_piscis():
    assert overlap(40, 40, 40) == pytest.approx(2 / 3 - math.sqrt(3) / (2 * math.pi))


def test_the_mean_speed_is_the_weibull_distributions():
    assert mean_speed_metres_per_second(ALL_AROUND) == pytest.approx(9 * math.sqrt(math.pi) / 2)


def test_the_data_are_whole():
    assert len(horns_rev_1_layout()) == len(set(horns_rev_1_layout())) == 80
    assert sum(sector.frequency for sector in horns_rev_1_wind()) == pytest.approx(1)
    assert [sector.direction_degrees for sector in horns_rev_1_wind()] == list(range(0, 360, 30))
    curves = V80.speeds_metres_per_second, V80.power_kilowatts, V80.thrust_coefficients
    assert {len(curve) for curve in curves} == {23}
    assert max(V80.power_kilowatts) == 1000 * V80.rated_megawatts
