"""What a run or a job is asked to do, checked: the same for a run that a client starts and one invoked directly.

Every refusal names the field and the limit, so that the caller can mend it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from runcast import limits
from runcast.errors import InvalidInput
from runcast.json_text import json_text
from runcast.parameters import checked_parameters
from runcast.plain_json import plain
from runcast.record.identity import checked_query
from runcast.record.model import Json
from runcast.text import shortened


@dataclass(frozen=True)
class RunRequest:
    """What to run: the agent's name, the query (1 to 10,000 characters) and the parameters (at most 64 KB)."""

    agent: str
    query: str
    parameters: Json = field(default_factory=dict)


@dataclass(frozen=True)
class JobRequest:
    """What to execute: the playbook's name, the query (1 to 10,000 characters) and the parameters (at most 64 KB)."""

    playbook: str
    query: str
    parameters: Json = field(default_factory=dict)


def run_request(given: Mapping[str, Any], agents: Collection[str]) -> RunRequest:
    """Return the checked request of `agent`, `query` and, where given, `parameters`.

    `parameters` may be an object or, as GraphQL sends it, the JSON text of one. Absent or null means none.

    Args:
        given: The fields as they came.
        agents: The names that `agent` may be.

    Raises:
        InvalidInput: A field does not fit.
    """
    return RunRequest(
        _agent(given.get("agent"), agents),
        checked_query(given.get("query")),
        checked_parameters(given.get("parameters")),
    )


def job_request(given: Mapping[str, Any], playbooks: Collection[str]) -> JobRequest:
    """Return the checked request of `playbook`, `query` and, where given, `parameters`, which may be as those of a run.

    Args:
        given: The fields as they came.
        playbooks: The names that `playbook` may be.

    Raises:
        InvalidInput: A field does not fit.
    """
    return JobRequest(
        known_playbook(given.get("playbook"), playbooks),
        checked_query(given.get("query")),
        checked_parameters(given.get("parameters")),
    )


def known_playbook(given: Any, known: Collection[str]) -> str:
    """Return the name of a playbook that there is.

    Raises:
        InvalidInput: There is none of this name; the message names those that there are.
    """
    if isinstance(given, str) and given in known:
        return given
    if not known:
        raise InvalidInput("playbook must name one, and there are none here.")
    raise InvalidInput(f"playbook must be one of: {', '.join(sorted(known))}.")


def _agent(given: Any, known: Collection[str]) -> str:
    if isinstance(given, str) and given in known:
        return given
    stated = shortened(json_text(plain(given)[0]), limits.NAME_MAX_CHARACTERS)
    raise InvalidInput(f"agent must be one of: {', '.join(sorted(known))}; not {stated}.")
