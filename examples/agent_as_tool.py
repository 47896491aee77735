"""Writes about a text what another agent has found out: an agent that uses an agent as a tool.

The other agent's steps are recorded below the call that started it, under its own name.
"""

from strands import Agent, tool

from chalicelib.agents.run_context import RunContext


@tool
def count_words(text: str) -> int:
    """Count the words of a text."""
    return len(text.split())


def build(run: RunContext) -> Agent:
    """Return a new agent for one run."""
    analyst = Agent(
        name="analyst",
        description="Measures texts.",
        model=run.model,
        tools=[count_words],
        callback_handler=None,
    )
    return Agent(name="writer", model=run.model, tools=[analyst], callback_handler=None)
