"""Answers with data instead of prose: structured output, which becomes the run's result.

The result is the model's JSON, checked by Pydantic, so a frontend can show it without reading sentences.
"""

from pydantic import BaseModel, Field
from strands import Agent

from chalicelib.agents.run_context import RunContext


class Site(BaseModel):
    """What is known about a site."""

    name: str
    area_km2: float = Field(gt=0, description="The area in square kilometres.")
    buildable: bool


def build(run: RunContext) -> Agent:
    """Return a new agent for one run."""
    return Agent(name="assessor", model=run.model, structured_output_model=Site, callback_handler=None)
