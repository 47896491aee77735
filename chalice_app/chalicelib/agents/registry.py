"""Which agents there are.

An agent is a file in this folder or in `demo` that defines `build(run)`. Listing them reads the files' text instead
of importing them: whoever only checks a name (the starter of runs) must not pay for Strands.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from strands import Agent

    from chalicelib.agents.run import AgentRun

_FOLDER = Path(__file__).parent
_BUILD = re.compile(r"^def build\(", re.MULTILINE)


class Build(Protocol):
    """What an agent's file exports: makes the Strands Agent for one run."""

    def __call__(self, run: AgentRun) -> Agent:
        """Return a new agent; no two runs share one."""


def names() -> tuple[str, ...]:
    """Return the names of all agents, sorted, without importing any."""
    return tuple(sorted(_modules()))


def load(name: str) -> Build:
    """Import an agent and return its `build`.

    Args:
        name: One of `names()`.
    """
    module: Any = import_module(_modules()[name])
    build: Build = module.build
    return build


@cache
def _modules() -> dict[str, str]:
    """Each agent's name and module; an agent in this folder hides the demo's of the same name."""
    folders = {f"{__package__}.demo": _FOLDER / "demo", __package__: _FOLDER}
    return {
        path.stem: f"{package}.{path.stem}"
        for package, folder in folders.items()
        for path in sorted(folder.glob("*.py"))
        if _BUILD.search(path.read_text())
    }
