"""Lets three agents work on a text one after the other, and the second of them use a fourth: a Graph.

The run is drawn as a tree by `runcast watch`: the Graph's nodes, below them their steps, and the fourth agent below the
call of the second that started it, with a bar while its tool counts.
"""

from collections.abc import AsyncIterator
from typing import Any

from strands import Agent, tool
from strands.multiagent import GraphBuilder
from strands.multiagent.graph import Graph

from chalicelib.agents.run_context import RunContext


@tool
async def count_letters(text: str) -> AsyncIterator[Any]:
    """Count the letters of a text, word by word."""
    words = text.split()
    for done in range(1, len(words) + 1):
        yield {"done": done, "total": len(words), "unit": "words"}
    yield sum(map(len, words))


def build(run: RunContext) -> Graph:
    """Return a new Graph for one run."""
    analyst = Agent(
        name="analyst", description="Measures texts.", model=run.model, tools=[count_letters], callback_handler=None
    )
    graph = GraphBuilder()
    graph.add_node(Agent(name="reader", model=run.model, callback_handler=None), "read")
    graph.add_node(Agent(name="writer", model=run.model, tools=[analyst], callback_handler=None), "write")
    graph.add_node(Agent(name="editor", model=run.model, callback_handler=None), "edit")
    graph.add_edge("read", "write")
    graph.add_edge("write", "edit")
    graph.set_execution_timeout(120)
    return graph.build()
