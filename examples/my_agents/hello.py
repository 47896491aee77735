"""Counts the words of a text."""

from typing import Any

from strands import Agent, tool


@tool
def count_words(text: str) -> int:
    """Count the words of a text."""
    return len(text.split())


def build(run: Any) -> Agent:
    """Return a new agent for one run; Runcast records and shows its steps.

    `run` has `query`, `parameters`, `model`, `request_id`, `user_id`, `tenant_id` and `job_id`.
    """
    return Agent(
        name="hello",
        model=run.model,
        tools=[count_words],
        system_prompt="You answer questions about texts. Count with your tool; do not guess.",
        callback_handler=None,
    )
