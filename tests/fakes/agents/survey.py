"""An agent for tests: measures, and asks before it builds."""

from chalicelib.agents.run_context import RunContext
from strands import Agent, ToolContext, tool

PARAMETERS_SCHEMA = {"type": "object", "properties": {"region": {"enum": ["north", "south"]}}}

ATTACHMENTS = True


@tool
def measure(area: str = "whole") -> dict[str, object]:
    """Measure the slope of an area."""
    return {"area": area, "slopeDegrees": 3.5}


@tool(context=True)
def build_there(tool_context: ToolContext) -> str:
    """Build, once somebody has agreed."""
    tool_context.interrupt("agree", reason={"costs": 5})
    return "built"


def build(run: RunContext) -> Agent:
    """Return a new agent for one run."""
    return Agent(name="survey", model=run.model, tools=[measure, build_there], callback_handler=None)
