"""The report agent's tool: a report on its inputs or, without inputs, on the map with the default settings."""

from __future__ import annotations

from strands import ToolContext, tool

from chalicelib.agents.demo.layout_tools.tools import layout_found
from chalicelib.agents.demo.report_tools import report
from chalicelib.agents.demo.simulation_tools.tools import energy_found
from chalicelib.agents.demo.terrain_tools.tools import ground_found
from chalicelib.agents.demo.wind.findings import Facts, Found, note


@tool(context=True)
def compile_report(tool_context: ToolContext) -> str:
    """Compile the Markdown report of all findings: the ground, the layouts, their energy, and the best of them."""
    findings: dict[str, Facts] = tool_context.agent.state.get("findings") or usual_findings()
    found = report_found(findings)
    note(tool_context, found)
    return str(found["report"][0])


def report_found(findings: report.Findings) -> Found:
    """Return the facts of a report: its text, the names of its inputs, and the best simulated layout, if any."""
    found: Found = {"report": (report.markdown(findings), None), "reported": (sorted(findings), None)}
    if best := report.best(findings):
        found |= {"best_layout": (best[0], None), "best_net_annual_energy": (best[1], "GWh")}
    return found


def usual_findings() -> dict[str, Facts]:
    """Return the findings of the other agents with default settings. A run without inputs reports on these."""
    layout = _facts(layout_found())
    return {
        "terrain": _facts(ground_found()),
        "layout": layout,
        "simulation": _facts(energy_found("layout", layout["positions"])),
    }


def _facts(found: Found) -> Facts:
    return {name: value for name, (value, _) in found.items()}
