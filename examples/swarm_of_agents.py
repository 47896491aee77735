"""Lets agents hand work to each other: a Swarm. Each agent's steps are below its own name in the run's tree."""

from strands import Agent, tool
from strands.multiagent import Swarm

from chalicelib.agents.run_context import RunContext


@tool
def count_words(text: str) -> int:
    """Count the words of a text."""
    return len(text.split())


def build(run: RunContext) -> Swarm:
    """Return a new Swarm for one run; its first agent begins."""
    reader = Agent(name="reader", model=run.model, tools=[count_words], callback_handler=None)
    critic = Agent(name="critic", model=run.model, callback_handler=None)
    return Swarm([reader, critic], entry_point=reader, max_handoffs=10, execution_timeout=120)
