"""Slope, roughness and buildable ground of an elevation grid, by the definitions of GDAL's `gdaldem`.

Each measure of a cell uses the 3 x 3 cells around it, so the cells on the grid's edge have none.
"""

from __future__ import annotations

import math
from statistics import mean, median
from typing import Any

from chalicelib.agents.demo.terrain_tools.grid import Area, ElevationGrid

Cell = tuple[int, int]

_SLOPE_CLASSES_DEGREES = ((0, 5), (5, 10), (10, 20), (20, 90))


def slope_degrees(grid: ElevationGrid, row: int, column: int) -> float:
    """Return the slope of a cell: 0 is level, 90 is vertical.

    Source: Horn, B. K. P. (1981), Hill shading and the reflectance map, Proceedings of the IEEE 69 (1).
    """
    north, here, south = (grid.elevation_metres[row + offset][column - 1 : column + 2] for offset in (-1, 0, 1))
    west_to_east = (north[2] + 2 * here[2] + south[2]) - (north[0] + 2 * here[0] + south[0])
    north_to_south = (south[0] + 2 * south[1] + south[2]) - (north[0] + 2 * north[1] + north[2])
    gradient = math.hypot(
        west_to_east / (8 * grid.column_spacing_metres), north_to_south / (8 * grid.row_spacing_metres)
    )
    return math.degrees(math.atan(gradient))


def roughness_metres(grid: ElevationGrid, row: int, column: int) -> int:
    """Return the largest difference of height among a cell and its eight neighbours.

    Source: Wilson, M. F. J. et al. (2007), Multiscale terrain analysis, Marine Geodesy 30.
    """
    window = [
        height
        for line in grid.elevation_metres[row - 1 : row + 2]
        for height in line[column - 1 : column + 2]
    ]  # fmt: skip
    return max(window) - min(window)


def slope_summary(grid: ElevationGrid, area: Area) -> dict[str, Any]:
    """Return the slope of an area: mean, median, the steepest cell, and the share of each slope class."""
    slopes = {cell: slope_degrees(grid, *cell) for cell in grid.inner_cells(area)}
    steepest = max(slopes, key=lambda cell: slopes[cell])
    return {
        "area": area,
        "cells": len(slopes),
        "mean_slope_degrees": round(mean(slopes.values()), 1),
        "median_slope_degrees": round(median(slopes.values()), 1),
        "steepest_cell": _described(grid, steepest) | {"slope_degrees": round(slopes[steepest], 1)},
        "share_percent_by_slope_degrees": {
            f"{low}-{high}": _percent(sum(low <= slope < high for slope in slopes.values()), len(slopes))
            for low, high in _SLOPE_CLASSES_DEGREES
        },
    }


def roughness_summary(grid: ElevationGrid, area: Area) -> dict[str, Any]:
    """Return the roughness of an area: mean, median, the roughest cell, and the range of heights."""
    cells = grid.inner_cells(area)
    roughness = {cell: roughness_metres(grid, *cell) for cell in cells}
    roughest = max(roughness, key=lambda cell: roughness[cell])
    heights = [grid.elevation_metres[row][column] for row, column in cells]
    return {
        "area": area,
        "cells": len(cells),
        "mean_roughness_metres": round(mean(roughness.values()), 1),
        "median_roughness_metres": median(roughness.values()),
        "roughest_cell": _described(grid, roughest) | {"roughness_metres": roughness[roughest]},
        "lowest_elevation_metres": min(heights),
        "highest_elevation_metres": max(heights),
    }


def buildable_summary(
    grid: ElevationGrid, area: Area, *, max_slope_degrees: float, max_roughness_metres: float
) -> dict[str, Any]:
    """Return the share of an area that is neither too steep nor too rough, and its largest connected patch.

    Cells that share a side are connected.
    """
    cells = grid.inner_cells(area)
    buildable = buildable_cells(
        grid, area, max_slope_degrees=max_slope_degrees, max_roughness_metres=max_roughness_metres
    )
    return {
        "area": area,
        "max_slope_degrees": max_slope_degrees,
        "max_roughness_metres": max_roughness_metres,
        "cells": len(cells),
        "buildable_cells": len(buildable),
        "buildable_percent": _percent(len(buildable), len(cells)),
        "buildable_hectares": round(len(buildable) * grid.cell_hectares),
        "largest_patch": _patch_summary(grid, max(patches(buildable), key=len, default=[])),
    }


def buildable_cells(
    grid: ElevationGrid, area: Area, *, max_slope_degrees: float, max_roughness_metres: float
) -> set[Cell]:
    """Return the cells of an area that are neither too steep nor too rough."""
    return {
        cell
        for cell in grid.inner_cells(area)
        if roughness_metres(grid, *cell) <= max_roughness_metres and slope_degrees(grid, *cell) <= max_slope_degrees
    }


def patches(cells: set[Cell]) -> list[list[Cell]]:
    """Return the connected patches, each as its cells."""
    left = set(cells)
    patches = []
    for seed in sorted(cells):
        if seed not in left:
            continue
        left.remove(seed)
        patch = [seed]
        for row, column in patch:  # the patch grows during the iteration
            beside = {(row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)} & left
            left -= beside
            patch += sorted(beside)
        patches.append(patch)
    return patches


def _patch_summary(grid: ElevationGrid, patch: list[Cell]) -> dict[str, Any] | None:
    if not patch:
        return None
    rows, columns = zip(*patch, strict=True)
    return {
        "cells": len(patch),
        "hectares": round(len(patch) * grid.cell_hectares),
        "mean_elevation_metres": round(mean(grid.elevation_metres[row][column] for row, column in patch)),
        "centre": grid.position(mean(rows), mean(columns)),
    }


def _described(grid: ElevationGrid, cell: Cell) -> dict[str, Any]:
    row, column = cell
    return {**grid.position(row, column), "elevation_metres": grid.elevation_metres[row][column]}


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 1)
