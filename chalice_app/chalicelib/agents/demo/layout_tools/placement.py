"""Places turbines on level ground, a minimum spacing apart.

The farm grows from the middle of the largest level patch: the next turbine goes on the nearest remaining cell that
keeps the spacing. The result is compact and deterministic.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import mean

from chalicelib.agents.demo.terrain_tools.analysis import Cell, buildable_cells, patches, slope_degrees
from chalicelib.agents.demo.terrain_tools.grid import Area, ElevationGrid
from chalicelib.agents.demo.wind.data import Position


@dataclass(frozen=True)
class Layout:
    """The positions of a farm's turbines.

    Attributes:
        positions: Whole metres east and north of the map's south-western corner, in the order of placement.
        min_spacing_metres: The distance of the two nearest turbines; None for fewer than two.
        area_square_kilometres: The area of the convex hull.
        steepest_slope_degrees: The steepest slope of the used cells; None without turbines.
        mean_elevation_metres: The mean elevation of the used cells; None without turbines.
    """

    positions: tuple[Position, ...]
    min_spacing_metres: float | None
    area_square_kilometres: float
    steepest_slope_degrees: float | None
    mean_elevation_metres: float | None


def place_turbines(
    grid: ElevationGrid,
    area: Area,
    *,
    turbines: int,
    spacing_metres: float,
    max_slope_degrees: float,
    max_roughness_metres: float,
) -> Layout:
    """Return a layout of the requested number of turbines, or of fewer if there is no room.

    Args:
        grid: The elevation grid.
        area: The part of the grid to use.
        turbines: The requested number.
        spacing_metres: The minimum distance between two turbines.
        max_slope_degrees: The maximum slope of a used cell.
        max_roughness_metres: The maximum roughness of a used cell.
    """
    level = buildable_cells(grid, area, max_slope_degrees=max_slope_degrees, max_roughness_metres=max_roughness_metres)
    placed: dict[Cell, Position] = {}
    for cell in _from_the_middle(grid, level):
        if len(placed) == turbines:
            break
        position = _position(grid, cell)
        if all(math.dist(position, other) >= spacing_metres for other in placed.values()):
            placed[cell] = position
    positions = tuple(placed.values())
    return Layout(
        positions=positions,
        min_spacing_metres=min_spacing_metres(positions),
        area_square_kilometres=hull_square_metres(positions) / 1e6,
        steepest_slope_degrees=max((slope_degrees(grid, *cell) for cell in placed), default=None),
        mean_elevation_metres=mean(grid.elevation_metres[row][column] for row, column in placed) if placed else None,
    )


def min_spacing_metres(positions: Sequence[Position]) -> float | None:
    """Return the distance of the two nearest positions; None for fewer than two."""
    return min(
        (math.dist(one, other) for place, one in enumerate(positions) for other in positions[:place]), default=None
    )


def hull_square_metres(positions: Sequence[Position]) -> float:
    """Return the area of the convex hull; 0 if all positions are on one line."""
    points = sorted(set(positions))
    hull = [*_half_hull(points), *_half_hull(points[::-1])]
    return abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairwise([*hull, *hull[:1]]))) / 2


def _half_hull(points: Sequence[Position]) -> list[Position]:
    """Andrew's monotone chain without its last point, which starts the other half."""
    hull: list[Position] = []
    for point in points:
        while len(hull) > 1 and _turn(hull[-2], hull[-1], point) <= 0:
            hull.pop()
        hull.append(point)
    return hull[:-1]


def _turn(a: Position, b: Position, c: Position) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _from_the_middle(grid: ElevationGrid, cells: set[Cell]) -> Iterator[Cell]:
    """Yield the cells by their distance from the middle of the largest connected patch, nearest first."""
    if not cells:
        return
    largest = max(patches(cells), key=len)
    rows, columns = zip(*largest, strict=True)
    middle = _position(grid, (mean(rows), mean(columns)))
    yield from sorted(cells, key=lambda cell: (math.dist(middle, _position(grid, cell)), cell))


def _position(grid: ElevationGrid, cell: tuple[float, float]) -> Position:
    row, column = cell
    return round(column * grid.column_spacing_metres), round((grid.rows - 1 - row) * grid.row_spacing_metres)
