"""Reports the findings of other agents in Markdown, and the layout with the most energy."""

from __future__ import annotations

from strands import Agent

from chalicelib.agents.demo.report_tools.tools import compile_report
from chalicelib.agents.demo.wind.findings import findings_of
from chalicelib.agents.run_context import RunContext

_INSTRUCTIONS = """You report on a site for a wind farm, to people who decide.
Compile the report with your tool, and answer with it: its tables as they are, and before them two or three sentences on
what matters. Add no number that it does not have."""


def build(run: RunContext) -> Agent:
    """Return a new report agent for one run; it reports on the facts in `inputs`."""
    return Agent(
        name="report",
        description="Reports in Markdown what other agents have found.",
        model=run.model,
        tools=[compile_report],
        state={"findings": findings_of(run.parameters)},
        system_prompt=_INSTRUCTIONS,
        callback_handler=None,
    )
