"""Measures the size and the colours of a picture of a site that the user attaches."""

from __future__ import annotations

from strands import Agent

from chalicelib.agents.demo.picture_tools.tools import measure_picture
from chalicelib.agents.run_context import RunContext

ATTACHMENTS = True

_INSTRUCTIONS = """You describe pictures of sites for wind farms. Say what the picture shows, and what that means for
building there. Measure the picture with your tool, and state its numbers with their units. Do not guess what neither
the picture nor the tool shows."""


def build(run: RunContext) -> Agent:
    """Return a new picture agent for one run."""
    return Agent(
        name="picture",
        description="Describes a picture of a site.",
        model=run.model,
        tools=[measure_picture],
        system_prompt=_INSTRUCTIONS,
        callback_handler=None,
    )
