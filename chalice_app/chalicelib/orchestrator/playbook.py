"""Finds the playbooks and parses them.

A playbook is a JSON file in the folder `playbooks` of the user's agents, of `chalicelib` or of the demo. It needs no
registration. The user's folder replaces the demo's. Listing playbooks does not import the JSON Schema library, which
would slow the cold start of the Lambda that starts jobs.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from chalicelib.agents.folders import OWN_FOLDER
from chalicelib.orchestrator.errors import InvalidPlaybook
from chalicelib.runtime.request import known_playbook
from runcast.record.model import Json

TIMEOUT_SECONDS = 840
"""The default timeout of an agent, which is below the Lambda timeout of the invoker that waits for it."""

_CHALICELIB = Path(__file__).parents[1]
_FOLDERS = (
    (_CHALICELIB / "playbooks", OWN_FOLDER / "playbooks")
    if OWN_FOLDER.is_dir()
    else (_CHALICELIB / "agents" / "demo" / "playbooks", _CHALICELIB / "playbooks")
)


@dataclass(frozen=True)
class Entry:
    """An agent in a playbook.

    Attributes:
        name: The entry's unique name in the playbook.
        agent: The agent's name.
        query: A `string.Template`.
        parameters: The agent's parameters. The job's parameters override them.
        reads: The names of the entries whose results the agent receives.
        timeout_seconds: The timeout of its run.
        schema: The JSON Schema of its result; True if any result is valid.
        rules: The rules that its facts must satisfy.
    """

    name: str
    agent: str
    query: str
    parameters: Json
    reads: tuple[str, ...]
    timeout_seconds: int
    schema: Any
    rules: tuple[Json, ...]


@dataclass(frozen=True)
class Stage:
    """Agents that run in parallel, after all earlier stages have finished."""

    name: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Playbook:
    """The stages of a job and the agents in each of them."""

    name: str
    stages: tuple[Stage, ...]

    @property
    def entries(self) -> dict[str, Entry]:
        """All entries by their names, in the playbook's order."""
        return {entry.name: entry for stage in self.stages for entry in stage.entries}

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Playbook:
        """Parse a valid playbook, as `load` returns it."""
        stages = (Stage(stage["name"], tuple(map(_entry, stage["agents"]))) for stage in given["stages"])
        return cls(given["name"], tuple(stages))


def names() -> tuple[str, ...]:
    """Return the names of all playbooks, sorted."""
    return tuple(sorted(_files()))


def description(name: str) -> str:
    """Return the description in a playbook's file; empty if it is missing or the file is invalid."""
    try:
        told = json.loads(_files()[name].read_text()).get("description")
    except (KeyError, ValueError, AttributeError):
        return ""
    return told if isinstance(told, str) else ""


def load(name: str, agents: Collection[str]) -> Json:
    """Return the JSON of a playbook with its `name`. The state machine passes it on, and `Playbook.of` parses it.

    Args:
        name: The playbook's name.
        agents: The names of all agents.

    Raises:
        InvalidInput: The playbook does not exist.
        InvalidPlaybook: Its file is invalid; the message lists all faults.
    """
    from chalicelib.orchestrator.faults import faults_of  # imports jsonschema, so only now

    files = _files()
    text = files[known_playbook(name, files)].read_text()
    if faults := faults_of(text, agents):
        raise InvalidPlaybook(name, faults)
    return {"name": name, **json.loads(text)}


@cache
def _files() -> dict[str, Path]:
    """Return each playbook's file by its name. One in a later folder hides the same name in an earlier one."""
    return {path.stem: path for folder in _FOLDERS for path in sorted(folder.glob("*.json"))}


def _entry(given: Mapping[str, Any]) -> Entry:
    output = given.get("output", {})
    return Entry(
        name=given.get("name", given["agent"]),
        agent=given["agent"],
        query=given["query"],
        parameters=given.get("parameters", {}),
        reads=tuple(given.get("reads", ())),
        timeout_seconds=given.get("timeoutSeconds", TIMEOUT_SECONDS),
        schema=output.get("schema", True),
        rules=tuple(output.get("rules", ())),
    )
