"""`Runcast`: a Strands plugin that tracks its agents.

Adapters that serve an agent to several users copy the agent with its plugins. So this plugin also tracks the copies,
while a call of `track` would only track the original.
"""

from __future__ import annotations

from functools import partial

from strands import Agent
from strands.multiagent.base import MultiAgentBase
from strands.plugins import MultiAgentPlugin, Plugin

from runcast.agents.track import track


class Runcast(Plugin, MultiAgentPlugin):
    """Tracks the agent, Graph or Swarm that it is a plugin of, as `track` does: `Agent(plugins=[Runcast()])`.

    Args:
        text: Whether to record the model's text.
        live_text: Whether to record it and show it live between its steps.
        tool_io: Whether to record the inputs and results of tools.
    """

    def __init__(self, *, text: bool = False, live_text: bool = False, tool_io: bool = False) -> None:
        super().__init__()
        self._track = partial(track, text=text, live_text=live_text, tool_io=tool_io)

    @property
    def name(self) -> str:
        """The plugin's name, unique in an agent."""
        return "runcast"

    def init_agent(self, agent: Agent) -> None:
        """Track the agent; Strands calls this when it makes the agent."""
        self._track(agent)

    def init_multi_agent(self, orchestrator: MultiAgentBase) -> None:
        """Track the Graph or Swarm; Strands calls this when it makes it."""
        self._track(orchestrator)
