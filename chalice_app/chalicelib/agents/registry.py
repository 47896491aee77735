"""Which agents there are.

An agent is a file in this folder or in `demo` that defines `build(run)`; the first line of its docstring describes it.
Others run elsewhere, in functions that whoever has deployed this names.
Listing them reads the files' text instead of importing them: whoever only checks a name (the starter of runs) must not
pay for Strands.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from strands import Agent
    from strands.multiagent.base import MultiAgentBase

    from chalicelib.agents.run import AgentRun

    AnyAgent = Agent | MultiAgentBase

_FOLDER = Path(__file__).parent
_BUILD = re.compile(r"^def build\(", re.MULTILINE)


class Build(Protocol):
    """What an agent's file exports: makes the Strands agent for one run."""

    def __call__(self, run: AgentRun) -> AnyAgent:
        """Return a new Agent, Graph or Swarm; no two runs share one."""


def names() -> tuple[str, ...]:
    """Return the names of all agents, sorted, without importing any."""
    return tuple(sorted(_files()))


def functions(own: str, elsewhere: Mapping[str, str]) -> dict[str, str]:
    """Return the function that runs each agent, by the agents' names, sorted.

    Args:
        own: The function that runs the agents here.
        elsewhere: Agents that run elsewhere; one of the same name here hides it.
    """
    return dict(sorted({**elsewhere, **dict.fromkeys(names(), own)}.items()))


def description(name: str) -> str:
    """Return the first line of an agent's docstring, without importing it; empty if it has none or runs elsewhere."""
    file = _files().get(name)
    docstring = ast.get_docstring(ast.parse(file.read_text())) if file else None
    return docstring.splitlines()[0] if docstring else ""


def load(name: str) -> Build:
    """Import an agent and return its `build`.

    Args:
        name: One of `names()`.
    """
    path = _files()[name]
    package = __package__ if path.parent == _FOLDER else f"{__package__}.demo"
    module: Any = import_module(f"{package}.{name}")
    build: Build = module.build
    return build


@cache
def _files() -> dict[str, Path]:
    """Each agent's name and file; an agent in this folder hides the demo's of the same name."""
    return {
        path.stem: path
        for folder in (_FOLDER / "demo", _FOLDER)
        for path in sorted(folder.glob("*.py"))
        if _BUILD.search(path.read_text())
    }
