"""A Markdown report of findings: the ground, the layouts, their energy, and the best layout.

Findings come from other runs, so any fact may be missing or have another type. The tables then show a dash.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.agents.demo.wind.findings import Facts
from runcast.text import shortened

Findings = Mapping[str, Facts]

_CELL_MAX_CHARACTERS = 80
_GROUND = (
    ("Mean slope", "mean_slope", "degrees"),
    ("Mean roughness", "mean_roughness", "m"),
    ("Lowest elevation", "lowest_elevation", "m"),
    ("Highest elevation", "highest_elevation", "m"),
    ("Buildable", "buildable_share", "%"),
    ("Buildable area", "buildable_area", "ha"),
    ("Largest patch", "largest_patch", "ha"),
)
_LAYOUT = (
    ("Turbines", "turbines"),
    ("Least spacing (m)", "min_spacing"),
    ("Capacity (MW)", "installed_capacity"),
    ("Area (km2)", "farm_area"),
    ("Steepest slope (degrees)", "steepest_slope"),
)
_ENERGY = (
    ("Layout", "layout"),
    ("Gross (GWh)", "gross_annual_energy"),
    ("Net (GWh)", "net_annual_energy"),
    ("Wake loss (%)", "wake_loss"),
    ("Capacity factor", "capacity_factor"),
)


def best(findings: Findings) -> tuple[str, float] | None:
    """Return the layout with the most annual net energy, and that energy in GWh; None without simulated layouts.

    If several are equal, it returns the first.
    """
    energies = [
        (str(facts.get("layout", name)), float(energy))
        for name, facts in findings.items()
        if isinstance(energy := facts.get("net_annual_energy"), int | float)
    ]
    return max(energies, key=lambda each: each[1], default=None)


def markdown(findings: Findings) -> str:
    """Return the report without empty sections."""
    sections = [
        _ground({name: facts for name, facts in findings.items() if "buildable_share" in facts}),
        _table("Layouts", _LAYOUT, {name: facts for name, facts in findings.items() if "positions" in facts}),
        _table("Annual energy", _ENERGY, {name: facts for name, facts in findings.items() if "wake_loss" in facts}),
        _conclusion(findings),
    ]
    return "\n\n".join(["# Site report", *filter(None, sections)])


def _ground(findings: Findings) -> str:
    lines = [
        f"- {what}: {_cell(facts[fact])} {unit}"
        for facts in findings.values()
        for what, fact, unit in _GROUND
        if fact in facts
    ]
    return "\n".join(["## Ground", "", *lines]) if lines else ""


def _table(title: str, columns: tuple[tuple[str, str], ...], findings: Findings) -> str:
    if not findings:
        return ""
    rows = [
        ["From", *(heading for heading, _ in columns)],
        ["---"] * (len(columns) + 1),
        *([_cell(name), *(_cell(facts.get(fact)) for _, fact in columns)] for name, facts in findings.items()),
    ]
    return "\n".join([f"## {title}", "", *(f"| {' | '.join(row)} |" for row in rows)])


def _conclusion(findings: Findings) -> str:
    found = best(findings)
    if found is None:
        return "No simulated energy was among the findings."
    layout, energy = found
    most = " the most," if sum("net_annual_energy" in facts for facts in findings.values()) > 1 else ""
    return f"**{_cell(layout)}** makes{most} {energy:g} GWh net in a year."


def _cell(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return "-"
    return shortened(" ".join(str(value).replace("|", "/").split()), _CELL_MAX_CHARACTERS)
