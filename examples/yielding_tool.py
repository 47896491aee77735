"""Weighs the words of a text, slowly: a tool that says how far it is.

What an asynchronous tool yields is shown while it works, with a bar if it gives `done` and `total`; the last thing
that it yields is its result.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from strands import Agent, tool

from chalicelib.agents.run_context import RunContext


@tool
async def weigh_words(text: str) -> AsyncIterator[Any]:
    """Weigh each word of a text by its letters."""
    words = text.split()
    weights = []
    for done, word in enumerate(words, start=1):
        weights.append(len(word))
        await asyncio.sleep(0)  # the work
        yield {"done": done, "total": len(words), "unit": "words"}
    yield f"{sum(weights)} letters in {len(words)} words"


def build(run: RunContext) -> Agent:
    """Return a new agent for one run."""
    return Agent(name="weigher", model=run.model, tools=[weigh_words], callback_handler=None)
