"""Where turbines may stand: on level ground, and a minimum spacing apart.

The farm grows around the middle of the largest level patch: of the cells that are left, the nearest one that keeps the
spacing is taken next. That gives a compact farm on real ground, and the same one each time.
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
    """Where turbines stand.

    Attributes:
        positions: Whole metres east and north of the map's south-western corner, the first placed first.
        min_spacing_metres: Between the two nearest; None for fewer than two.
        area_square_kilometres: Of the convex hull around them.
        steepest_slope_degrees: Of the cells that they stand on; None without any.
        mean_elevation_metres: Of these cells; None without any.
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
    """Return a layout of as many turbines as asked, or of fewer if no more have their place.

    Args:
        grid: The ground.
        area: Which part of it may be used.
        turbines: How many.
        spacing_metres: The least distance between two.
        max_slope_degrees: Steeper cells are not used.
        max_roughness_metres: Nor rougher ones.
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
    """Return the distance of the two nearest; None for fewer than two."""
    return min(
        (math.dist(one, other) for place, one in enumerate(positions) for other in positions[:place]), default=None
    )


def hull_square_metres(positions: Sequence[Position]) -> float:
    """Return the area of the convex hull; 0 for what lies on one line."""
    points = sorted(set(positions))
    hull = [*_half_hull(points), *_half_hull(points[::-1])]
    return abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairwise([*hull, *hull[:1]]))) / 2


def _half_hull(points: Sequence[Position]) -> list[Position]:
    """Andrew's monotone chain, without its last point, which begins the other half."""
    hull: list[Position] = []
    for point in points:
        while len(hull) > 1 and _turn(hull[-2], hull[-1], point) <= 0:
            hull.pop()
        hull.append(point)
    return hull[:-1]


def _turn(a: Position, b: Position, c: Position) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _from_the_middle(grid: ElevationGrid, cells: set[Cell]) -> Iterator[Cell]:
    """Yield the cells, the nearest to the middle of their largest connected patch first."""
    if not cells:
        return
    largest = max(patches(cells), key=len)
    rows, columns = zip(*largest, strict=True)
    middle = _position(grid, (mean(rows), mean(columns)))
    yield from sorted(cells, key=lambda cell: (math.dist(middle, _position(grid, cell)), cell))


def _position(grid: ElevationGrid, cell: tuple[float, float]) -> Position:
    row, column = cell
    return round(column * grid.column_spacing_metres), round((grid.rows - 1 - row) * grid.row_spacing_metres)
