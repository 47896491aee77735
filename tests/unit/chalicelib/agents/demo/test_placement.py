"""Placing turbines: the limits hold on any ground, and the farm is compact."""

from __future__ import annotations

import math

import pytest
from chalicelib.agents.demo.layout_tools.placement import hull_square_metres, min_spacing_metres, place_turbines
from chalicelib.agents.demo.terrain_tools.grid import ElevationGrid, jacksboro
from hypothesis import given, settings
from hypothesis import strategies as st


def grid(heights):
    return ElevationGrid("g", heights, 36.0, -84.0, 0.001, 0.001)


def placed(ground, turbines=9, spacing_metres=200, max_slope_degrees=5, max_roughness_metres=40, area="whole"):
    return place_turbines(
        ground,
        area,
        turbines=turbines,
        spacing_metres=spacing_metres,
        max_slope_degrees=max_slope_degrees,
        max_roughness_metres=max_roughness_metres,
    )


@given(
    st.lists(st.lists(st.integers(0, 60), min_size=9, max_size=9), min_size=9, max_size=9),
    st.integers(1, 12),
    st.floats(100, 600),
    st.floats(1, 30),
)
@settings(max_examples=40)
def test_the_limits_hold_on_any_ground(heights, turbines, spacing_metres, max_slope_degrees):
    layout = placed(grid(heights), turbines, spacing_metres, max_slope_degrees)
    assert len(layout.positions) <= turbines
    assert all(
        math.dist(one, other) >= spacing_metres
        for place, one in enumerate(layout.positions)
        for other in layout.positions[:place]
    )
    if layout.positions:
        assert layout.steepest_slope_degrees <= max_slope_degrees
        assert 0 <= layout.mean_elevation_metres <= 60


def test_fewer_are_placed_where_no_more_fit():
    few = placed(grid([[0] * 9] * 9), turbines=100)
    assert 1 < len(few.positions) < 100
    assert few.min_spacing_metres >= 200


def test_nothing_is_placed_on_a_slope():
    steep = grid([[100 * column for column in range(9)] for _ in range(9)])
    layout = placed(steep)
    assert (layout.positions, layout.min_spacing_metres, layout.area_square_kilometres) == ((), None, 0)
    assert (layout.steepest_slope_degrees, layout.mean_elevation_metres) == (None, None)


def test_it_grows_around_the_middle_of_the_largest_patch():
    heights = [[0] * 20 + [500] + [0] * 8 for _ in range(20)]
    (first, *_) = placed(grid(heights)).positions
    assert first[0] == pytest.approx(9.5 * grid(heights).column_spacing_metres, abs=100)


def test_positions_are_metres_from_the_south_west():
    ground = grid([[0] * 3] * 3)
    (position,) = placed(ground).positions
    assert position == (round(ground.column_spacing_metres), round(ground.row_spacing_metres))


@pytest.mark.parametrize("area", ["north_west", "south_east"])
def test_it_stays_within_its_area(area):
    ground = jacksboro()
    layout = placed(ground, area=area)
    middle = ground.columns // 2 * ground.column_spacing_metres - 1
    assert len(layout.positions) == 9
    assert all((east >= middle) is (area == "south_east") for east, _ in layout.positions)


def test_the_nearest_two():
    assert min_spacing_metres([(0, 0), (0, 30), (40, 0)]) == 30
    assert min_spacing_metres([(0, 0)]) is None


@pytest.mark.parametrize(
    ("positions", "square_metres"),
    [([], 0), ([(1, 1)], 0), ([(0, 0), (5, 5)], 0), ([(0, 0), (1, 1), (2, 2)], 0),
     ([(0, 0), (4, 0), (0, 3)], 6), ([(0, 0), (2, 0), (2, 2), (0, 2), (1, 1), (1, 0)], 4)],
)  # fmt: skip
def test_the_hull(positions, square_metres):
    assert hull_square_metres(positions) == square_metres
