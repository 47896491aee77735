"""Which playbooks there are, and what one says.

A playbook is a JSON file in `chalicelib/playbooks`, or in the demo's folder of the same name; putting it there is all
it takes. Listing them reads the files and imports nothing: whoever only checks a name (the starter of jobs) must not
pay for a library that checks schemas.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from chalicelib.orchestrator.errors import InvalidPlaybook
from chalicelib.runtime.request import known_playbook
from runcast.record.model import Json

TIMEOUT_SECONDS = 840
"""How long an agent may take where its playbook does not say: less than Lambda gives the invoker that waits for it."""

_CHALICELIB = Path(__file__).parents[1]
_FOLDERS = (_CHALICELIB / "agents" / "demo" / "playbooks", _CHALICELIB / "playbooks")


@dataclass(frozen=True)
class Entry:
    """An agent in a playbook.

    Attributes:
        name: Its place in the playbook; unique in it.
        agent: Which agent.
        query: A `string.Template`.
        parameters: What the agent gets beside the job's own parameters.
        reads: The names of the entries whose results it gets.
        timeout_seconds: How long its run may take.
        schema: The JSON Schema that its result must fit, if any.
        rules: What its facts must be like.
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
    """What runs in parallel, once the stages before are done."""

    name: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Playbook:
    """Which agents run, in which stages, on what."""

    name: str
    stages: tuple[Stage, ...]

    @property
    def entries(self) -> dict[str, Entry]:
        """All entries by their names, in the playbook's order."""
        return {entry.name: entry for stage in self.stages for entry in stage.entries}

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Playbook:
        """Return what a valid playbook says, as `load` returns it."""
        stages = (Stage(stage["name"], tuple(map(_entry, stage["agents"]))) for stage in given["stages"])
        return cls(given["name"], tuple(stages))


def names() -> tuple[str, ...]:
    """Return the names of all playbooks, sorted."""
    return tuple(sorted(_files()))


def description(name: str) -> str:
    """Return what a playbook's file says of it; empty if the file cannot be read for that."""
    try:
        told = json.loads(_files()[name].read_text()).get("description")
    except (KeyError, ValueError, AttributeError):
        return ""
    return told if isinstance(told, str) else ""


def load(name: str, agents: Collection[str]) -> Json:
    """Return a playbook as its file has it, with its `name`: what the state machine carries, and `Playbook.of` reads.

    Args:
        name: Which playbook.
        agents: The names of the agents that there are.

    Raises:
        InvalidInput: There is no such playbook.
        InvalidPlaybook: Its file does not do; all faults are told.
    """
    from chalicelib.orchestrator.faults import faults_of  # imports jsonschema, so only now

    files = _files()
    text = files[known_playbook(name, files)].read_text()
    if faults := faults_of(text, agents):
        raise InvalidPlaybook(name, faults)
    return {"name": name, **json.loads(text)}


@cache
def _files() -> dict[str, Path]:
    """Each playbook's name and file; one of your own hides the demo's of the same name."""
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
