"""Runcast: record the runs of Strands agents and show them to their users, live and without gaps.

    from runcast import track

    agent = track(Agent(...))

`record` stores steps durably, `live` sends them to watching clients, `runs` knows which run an agent works for,
`agents` listens to agents, and `client` (an extra) watches a run. None of them depends on Chalice or on a particular
agent. The names below are the public API. Each is imported on first access, because imports lengthen a cold start.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runcast.agents.base_agent import BaseAgent
    from runcast.agents.in_parts import run_in_parts
    from runcast.agents.journal import idempotent
    from runcast.agents.plugin import Runcast
    from runcast.agents.prompt import prompt_of
    from runcast.agents.track import track
    from runcast.errors import RuncastError
    from runcast.live.publish import (
        publish_agent_status,
        publish_orchestrator_status,
        publish_status,
        publish_tool_status,
    )
    from runcast.redaction import redact, redact_with
    from runcast.runs.facts import note_fact

__version__ = "0.1.0"

__all__ = [
    "BaseAgent",
    "Runcast",
    "RuncastError",
    "idempotent",
    "note_fact",
    "prompt_of",
    "publish_agent_status",
    "publish_orchestrator_status",
    "publish_status",
    "publish_tool_status",
    "redact",
    "redact_with",
    "run_in_parts",
    "track",
]

_HOMES = {
    "BaseAgent": "runcast.agents.base_agent",
    "Runcast": "runcast.agents.plugin",
    "RuncastError": "runcast.errors",
    "idempotent": "runcast.agents.journal",
    "note_fact": "runcast.runs.facts",
    "prompt_of": "runcast.agents.prompt",
    "redact": "runcast.redaction",
    "redact_with": "runcast.redaction",
    "run_in_parts": "runcast.agents.in_parts",
    "track": "runcast.agents.track",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES.get(name, "runcast.live.publish")), name)
