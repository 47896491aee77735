"""Uses the tools of an MCP server, which are recorded like any others.

MCP_URL names the server: its streamable HTTP endpoint. The connection is opened for one run, and closed after it.
"""

import os
from functools import partial
from typing import Any

from mcp.client.streamable_http import streamable_http_client
from strands import Agent
from strands.tools.mcp import MCPClient

from chalicelib.agents.run_context import RunContext


def build(run: RunContext) -> Agent:
    """Return a new agent for one run."""
    server: Any = partial(streamable_http_client, os.environ["MCP_URL"])
    return Agent(name="librarian", model=run.model, tools=[MCPClient(server)], callback_handler=None)
