"""The terrain agent's elevation grid and the geographic positions of its cells.

The grid is in degrees, but slopes need metres on the ground; this module has the conversion.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Literal

Area = Literal["whole", "north_west", "north_east", "south_west", "south_east"]

_JACKSBORO = Path(__file__).parents[1] / "data" / "jacksboro.json"

# On a sphere of the Earth's mean radius; the ellipsoid differs by less than 0.4 %.
# Source: https://en.wikipedia.org/wiki/Earth_radius#Arithmetic_mean_radius
_METRES_PER_DEGREE = math.radians(1) * 6_371_008.8


@dataclass(frozen=True)
class ElevationGrid:
    """Heights above sea level at regular spacings: row 0 is the northernmost, column 0 the westernmost.

    Attributes:
        name: What the grid shows.
        elevation_metres: `elevation_metres[row][column]`; every row is equally long.
        north_degrees: Latitude of row 0.
        west_degrees: Longitude of column 0; west of Greenwich is negative.
        row_spacing_degrees: From one row to the next, southwards.
        column_spacing_degrees: From one column to the next, eastwards.
    """

    name: str
    elevation_metres: list[list[int]]
    north_degrees: float
    west_degrees: float
    row_spacing_degrees: float
    column_spacing_degrees: float

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.elevation_metres)

    @property
    def columns(self) -> int:
        """The number of columns."""
        return len(self.elevation_metres[0])

    @cached_property
    def row_spacing_metres(self) -> float:
        """The distance between two rows on the ground."""
        return self.row_spacing_degrees * _METRES_PER_DEGREE

    @cached_property
    def column_spacing_metres(self) -> float:
        """The distance between two columns on the ground, at the grid's middle latitude."""
        middle_degrees = self.north_degrees - self.row_spacing_degrees * (self.rows - 1) / 2
        return self.column_spacing_degrees * _METRES_PER_DEGREE * math.cos(math.radians(middle_degrees))

    @property
    def cell_hectares(self) -> float:
        """The area of one cell."""
        return self.row_spacing_metres * self.column_spacing_metres / 10_000

    def position(self, row: float, column: float) -> dict[str, float]:
        """Return the position of a cell, rounded to 0.0001 degrees (about 10 m)."""
        return {
            "latitude_degrees": round(self.north_degrees - row * self.row_spacing_degrees, 4),
            "longitude_degrees": round(self.west_degrees + column * self.column_spacing_degrees, 4),
        }

    def inner_cells(self, area: Area) -> list[tuple[int, int]]:
        """Return the cells (row, column) of an area that have all eight neighbours in the grid.

        The four quarters do not overlap and together cover the whole.
        """
        middle_row, middle_column = self.rows // 2, self.columns // 2
        first_row = middle_row if area.startswith("south") else 1
        end_row = middle_row if area.startswith("north") else self.rows - 1
        first_column = middle_column if area.endswith("east") else 1
        end_column = middle_column if area.endswith("west") else self.columns - 1
        return [(row, column) for row in range(first_row, end_row) for column in range(first_column, end_column)]


@cache
def jacksboro() -> ElevationGrid:
    """Return the elevation grid of the Jacksboro fault, Tennessee; its file states source and licence."""
    stored = json.loads(_JACKSBORO.read_text())
    return ElevationGrid(
        name=stored["name"],
        elevation_metres=stored["elevationMetres"],
        north_degrees=stored["northDegrees"],
        west_degrees=stored["westDegrees"],
        row_spacing_degrees=stored["rowSpacingDegrees"],
        column_spacing_degrees=stored["columnSpacingDegrees"],
    )
