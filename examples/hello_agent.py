"""Counts the words of a text: the smallest agent of your own.

Copy it to chalice_app/chalicelib/agents/hello.py, and Runcast has an agent `hello`.
"""

from strands import Agent, tool

from chalicelib.agents.run import AgentRun


@tool
def count_words(text: str) -> int:
    """Count the words of a text."""
    return len(text.split())


def build(run: AgentRun) -> Agent:
    """Return a new agent for one run; its steps are recorded and shown without anything here."""
    return Agent(
        name="hello",
        model=run.model,
        tools=[count_words],
        system_prompt="You answer questions about texts. Count with your tool; do not guess.",
        callback_handler=None,
    )
