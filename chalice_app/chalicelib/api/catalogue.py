"""Lists the agents and playbooks, for GraphQL's `listAgents` and REST's `GET /agents`."""

from __future__ import annotations

from collections.abc import Iterable

from chalicelib.agents import registry
from chalicelib.orchestrator import playbook
from runcast.json_text import json_text
from runcast.record.model import Json


def list_agents(elsewhere: Iterable[str]) -> Json:
    """Return `agents` and `playbooks`, each by name, with `name` and `description`.

    An agent also has `parametersSchema`, the JSON Schema of its parameters as text, or None; and `attachments`, whether
    it takes files.

    Args:
        elsewhere: The names of agents that run in other Lambdas; only their names are known here.
    """
    return {
        "agents": [_agent(name) for name in sorted({*registry.names(), *elsewhere})],
        "playbooks": [{"name": name, "description": playbook.description(name)} for name in playbook.names()],
    }


def _agent(name: str) -> Json:
    schema = registry.parameters_schema(name)
    return {
        "name": name,
        "description": registry.description(name),
        "parametersSchema": None if schema is None else json_text(schema),
        "attachments": registry.takes_attachments(name),
    }
