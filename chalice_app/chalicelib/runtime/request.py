"""Validates the request of a run or a job. The rules are the same for API requests and direct invocations.

Each error names the field and its limit, so that the caller can fix it.
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
from runcast.record.attachments import Attachment
from runcast.record.identity import checked_query
from runcast.record.model import Json
from runcast.text import shortened

_FAULTS_SHOWN = 5


@dataclass(frozen=True)
class RunRequest:
    """The request of a run.

    Attributes:
        agent: The agent's name.
        query: 1 to 10,000 characters.
        parameters: At most 64 KB.
        attachments: The files for the agent. A later part reads none of them, because the saved state contains them.
    """

    agent: str
    query: str
    parameters: Json = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True)
class JobRequest:
    """The request of a job: the playbook's name, the query (1 to 10,000 characters) and the parameters (max. 64 KB)."""

    playbook: str
    query: str
    parameters: Json = field(default_factory=dict)


def run_request(given: Mapping[str, Any], agents: Collection[str]) -> RunRequest:
    """Validate `agent`, `query` and the optional `parameters`.

    `parameters` may be an object or its JSON text, which GraphQL sends. Absent or null means none.

    Args:
        given: The fields as received.
        agents: The allowed values of `agent`.

    Raises:
        InvalidInput: A field is invalid.
    """
    return RunRequest(
        known_agent(given.get("agent"), agents),
        checked_query(given.get("query")),
        checked_parameters(given.get("parameters")),
    )


def job_request(given: Mapping[str, Any], playbooks: Collection[str]) -> JobRequest:
    """Validate `playbook`, `query` and the optional `parameters`, which have the same form as a run's.

    Args:
        given: The fields as received.
        playbooks: The allowed values of `playbook`.

    Raises:
        InvalidInput: A field is invalid.
    """
    return JobRequest(
        known_playbook(given.get("playbook"), playbooks),
        checked_query(given.get("query")),
        checked_parameters(given.get("parameters")),
    )


def require_declared(parameters: Json, schema: Json | None, agent: str) -> None:
    """Check parameters against the JSON Schema that their agent declares.

    Args:
        parameters: The parameters of a run, or those of a job with the playbook's.
        schema: The schema; None accepts all parameters.
        agent: The agent's name, for the message.

    Raises:
        InvalidInput: They violate the schema; the message names the first `_FAULTS_SHOWN` places and what is wrong.
    """
    if schema is None:
        return
    from chalicelib.runtime.json_schema import schema_faults  # imports jsonschema, so only for an agent with a schema

    if faults := schema_faults(schema, parameters, "parameters"):
        more = f"; and {len(faults) - _FAULTS_SHOWN} more" if len(faults) > _FAULTS_SHOWN else ""
        stated = "; ".join(faults[:_FAULTS_SHOWN])
        raise InvalidInput(f"The agent {agent} does not accept these parameters. {stated}{more}.")


def known_playbook(given: Any, known: Collection[str]) -> str:
    """Return the given name if a playbook has it.

    Raises:
        InvalidInput: No playbook has this name; the message lists the names.
    """
    if isinstance(given, str) and given in known:
        return given
    if not known:
        raise InvalidInput("playbook cannot be used: this deployment has no playbooks.")
    raise InvalidInput(f"playbook must be one of: {', '.join(sorted(known))}.")


def known_agent(given: Any, known: Collection[str]) -> str:
    """Return the given name if an agent has it.

    Raises:
        InvalidInput: No agent has this name; the message lists the names.
    """
    if isinstance(given, str) and given in known:
        return given
    stated = shortened(json_text(plain(given)[0]), limits.NAME_MAX_CHARACTERS)
    raise InvalidInput(f"agent must be one of: {', '.join(sorted(known))}; not {stated}.")
