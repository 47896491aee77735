"""The agents that an agent uses: the nodes of a Graph or Swarm, and tools that are agents."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from strands import Agent
from strands.multiagent.base import MultiAgentBase

logger = logging.getLogger(__name__)


def name_of(agent: Any) -> str:
    """Return an agent's display name: its name, its id, or its class name."""
    return str(getattr(agent, "name", None) or getattr(agent, "id", None) or type(agent).__name__)


def model_id_of(agent: Any) -> str | None:
    """Return the id of an agent's model; None if the model has none."""
    config = agent.model.get_config() if isinstance(agent, Agent) else None
    model_id = config.get("model_id") if isinstance(config, Mapping) else None
    return model_id if isinstance(model_id, str) else None


def parts(agent: Any) -> Iterator[tuple[str, Any]]:
    """Yield the agents that an agent currently uses, each with its name there."""
    if isinstance(agent, MultiAgentBase):
        for name, node in getattr(agent, "nodes", {}).items():
            yield name, node.executor
    elif isinstance(agent, Agent):
        for name, tool in agent.tool_registry.registry.items():
            if part := getattr(tool, "agent", None) if tool.tool_type == "agent" else None:
                yield name, part


def clean_up(agent: Any) -> None:
    """Release the resources of an agent and its parts, such as MCP servers and their threads. Never raises.

    May wait for a server to stop. Using the agent again restarts its servers.
    """
    waiting, seen = [agent], set()
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        waiting += [each for _, each in parts(part)]
        try:
            if isinstance(part, Agent):
                part.cleanup()
        except Exception:
            logger.exception("the agent %s was not cleaned up", name_of(part))
