"""Lists the agents and playbooks, for GraphQL's `listAgents` and REST's `GET /agents`."""

from __future__ import annotations

from collections.abc import Iterable

from chalicelib.agents import registry
from chalicelib.orchestrator import playbook
from runcast.record.model import Json


def list_agents(elsewhere: Iterable[str]) -> Json:
    """Return `agents` and `playbooks`, each by name, with `name` and `description`.

    Args:
        elsewhere: The names of agents that run in other Lambdas; their descriptions are not known here.
    """
    agents = sorted({*registry.names(), *elsewhere})
    return {
        "agents": [{"name": name, "description": registry.description(name)} for name in agents],
        "playbooks": [{"name": name, "description": playbook.description(name)} for name in playbook.names()],
    }
