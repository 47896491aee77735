"""The analyses on grids whose answers are known, and on the demonstration's map."""

from __future__ import annotations

import math

import pytest
from chalicelib.agents.demo.terrain_tools import analysis
from chalicelib.agents.demo.terrain_tools.grid import ElevationGrid, jacksboro
from hypothesis import given, settings
from hypothesis import strategies as st


def grid_of(elevation_metres, spacing_degrees=0.001) -> ElevationGrid:
    """A grid on the equator, where a degree is as long both ways."""
    north = spacing_degrees * (len(elevation_metres) - 1) / 2
    return ElevationGrid("test", elevation_metres, north, 10.0, spacing_degrees, spacing_degrees)


def plane(rows, columns, *, east=0, south=0):
    return grid_of([[row * south + column * east for column in range(columns)] for row in range(rows)])


def test_level_ground_has_neither_slope_nor_roughness():
    grid = plane(3, 3)
    assert analysis.slope_degrees(grid, 1, 1) == 0
    assert analysis.roughness_metres(grid, 1, 1) == 0


@pytest.mark.parametrize(("east", "south"), [(40, 0), (-40, 0), (0, 40), (0, -40), (30, 40)])
def test_a_plane_has_its_own_slope_everywhere(east, south):
    grid = plane(4, 5, east=east, south=south)
    expected = math.degrees(math.atan(math.hypot(east, south) / grid.row_spacing_metres))
    for cell in grid.inner_cells("whole"):
        assert analysis.slope_degrees(grid, *cell) == pytest.approx(expected)


def test_rows_and_columns_are_not_equally_far_apart_away_from_the_equator():
    grid = ElevationGrid("test", [[0] * 3] * 3, 60.001, 10.0, 0.001, 0.001)
    assert grid.row_spacing_metres == pytest.approx(111.19, abs=0.01)
    assert grid.column_spacing_metres == pytest.approx(111.19 / 2, abs=0.01)  # cos 60 degrees


def test_roughness_is_the_range_of_the_nine_cells():
    assert analysis.roughness_metres(grid_of([[1, 2, 3], [4, 5, 6], [7, 8, 30]]), 1, 1) == 29


def test_the_quarters_are_the_whole():
    grid = jacksboro()
    quarters = [grid.inner_cells(area) for area in ("north_west", "north_east", "south_west", "south_east")]
    assert sorted(cell for quarter in quarters for cell in quarter) == grid.inner_cells("whole")
    assert all(quarters)


def test_buildable_ground_is_counted_and_its_largest_patch_found():
    # Two level shelves beside a cliff; the wider one is in the east.
    grid = grid_of([[0, 0, 0, 0, 500, 500, 500, 500, 500, 500]] * 5)
    summary = analysis.buildable_summary(grid, "whole", max_slope_degrees=1, max_roughness_metres=1)
    assert (summary["cells"], summary["buildable_cells"], summary["buildable_percent"]) == (24, 18, 75.0)
    assert summary["largest_patch"] == {
        "cells": 12,
        "hectares": round(12 * grid.cell_hectares),
        "mean_elevation_metres": 500,
        "centre": {"latitude_degrees": 0.0, "longitude_degrees": 10.0065},
    }


def test_diagonal_cells_are_not_connected():
    assert analysis.patches({(0, 0), (1, 1), (1, 2), (5, 5)}) == [[(0, 0)], [(1, 1), (1, 2)], [(5, 5)]]


@given(st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7))))
@settings(max_examples=50)
def test_patches_hold_each_cell_once_and_never_touch(cells):
    patches = analysis.patches(cells)
    assert sorted(cell for patch in patches for cell in patch) == sorted(cells)
    where = {cell: number for number, patch in enumerate(patches) for cell in patch}
    for (row, column), number in where.items():
        assert where.get((row + 1, column), number) == number
        assert where.get((row, column + 1), number) == number


def test_nothing_buildable_has_no_patch():
    summary = analysis.buildable_summary(plane(3, 3, east=500), "whole", max_slope_degrees=1, max_roughness_metres=1)
    assert (summary["buildable_cells"], summary["largest_patch"]) == (0, None)


def test_the_map_is_where_and_what_it_says():
    grid = jacksboro()
    assert (grid.rows, grid.columns) == (172, 202)
    assert {len(row) for row in grid.elevation_metres} == {202}
    # 3 arc-seconds are 92.7 m of latitude; the map keeps every second sample.
    assert grid.row_spacing_metres == pytest.approx(185.3, abs=0.1)
    assert grid.column_spacing_metres == pytest.approx(148.8, abs=0.1)
    assert grid.position(0, 0) == {"latitude_degrees": 36.7329, "longitude_degrees": -84.4137}


def test_the_map_is_hilly_as_the_cumberland_mountains_are():
    slope = analysis.slope_summary(jacksboro(), "whole")
    assert slope["cells"] == 170 * 200
    assert (slope["mean_slope_degrees"], slope["median_slope_degrees"]) == (10.7, 10.1)
    assert slope["steepest_cell"]["slope_degrees"] == 29.0
    assert sum(slope["share_percent_by_slope_degrees"].values()) == pytest.approx(100, abs=0.2)
    roughness = analysis.roughness_summary(jacksboro(), "whole")
    assert (roughness["lowest_elevation_metres"], roughness["highest_elevation_metres"]) == (245, 1068)


def test_stricter_limits_leave_less_to_build_on():
    percents = [
        analysis.buildable_summary(jacksboro(), "whole", max_slope_degrees=slope, max_roughness_metres=roughness)[
            "buildable_percent"
        ]
        for slope, roughness in ((90, 1000), (5, 40), (5, 20), (0, 0))
    ]
    assert percents == sorted(percents, reverse=True)
    assert percents[0] == 100.0
    assert 0 < percents[2] < percents[1] < 50
