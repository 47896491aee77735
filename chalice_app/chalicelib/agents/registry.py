"""Finds the agents.

An agent is a file in the user's folder, in this folder or in `demo` that defines `build(run)`; the first line of its
docstring is its description. The user's folder replaces `demo`. Other agents run in their own Lambdas, which the
deployment's settings list. Listing reads the files instead of importing them, so the Lambda that starts runs does not
pay for importing Strands.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

from chalicelib.agents import declarations
from chalicelib.agents.folders import OWN_FOLDER
from runcast.errors import SnapshotUnusable

if TYPE_CHECKING:
    from strands import Agent
    from strands.multiagent.base import MultiAgentBase

    from chalicelib.agents.run_context import RunContext
    from runcast.record.model import Json

    AnyAgent = Agent | MultiAgentBase

_FOLDER = Path(__file__).parent
_BUILD = re.compile(rb"^(?:\xef\xbb\xbf)?def build\(", re.MULTILINE)  # in any encoding


class Build(Protocol):
    """The function that an agent's file exports; it creates the Strands agent for one run."""

    def __call__(self, run: RunContext) -> AnyAgent:
        """Return a new Agent, Graph or Swarm. Runs must not share one."""


def names() -> tuple[str, ...]:
    """Return the names of all agents, sorted, without importing any."""
    return tuple(sorted(_files()))


def functions(own: str, elsewhere: Mapping[str, str]) -> dict[str, str]:
    """Return the function that runs each agent, by the agents' names, sorted.

    Args:
        own: The function that runs this application's agents.
        elsewhere: The functions of other agents. An agent of this application hides one with the same name.
    """
    return dict(sorted({**elsewhere, **dict.fromkeys(names(), own)}.items()))


def description(name: str) -> str:
    """Return the first line of an agent's docstring, without importing it; empty if there is no file or docstring."""
    tree = _parsed(name)
    docstring = ast.get_docstring(tree) if tree else None
    return docstring.splitlines()[0] if docstring else ""


def parameters_schema(name: str) -> Json | None:
    """Return the JSON Schema of an agent's parameters, without importing it; None if its file declares none.

    Args:
        name: The agent's name; None is returned for an agent that runs elsewhere.
    """
    tree = _parsed(name)
    return declarations.declared_schema(tree) if tree else None


def takes_attachments(name: str) -> bool:
    """Return whether an agent's file declares `ATTACHMENTS = True`, without importing it.

    Args:
        name: The agent's name; True is returned for an agent that runs elsewhere, because only its function knows.
    """
    tree = _parsed(name)
    return declarations.takes_attachments(tree) if tree else True


def load(name: str) -> Build:
    """Import an agent and return its `build`.

    Args:
        name: One of `names()`.
    """
    build: Build = _module(name).build
    return build


def memory_version(name: str) -> Any:
    """Return the `MEMORY_VERSION` that an agent's file declares; None if it declares none.

    Args:
        name: One of `names()`.
    """
    return getattr(_module(name), "MEMORY_VERSION", None)


def require_memory_version(name: str, saved_with: Any, what: str) -> None:
    """Check that the agent that has saved a state had the same `MEMORY_VERSION` as the present one.

    Args:
        name: One of `names()`.
        saved_with: The version with which the state was saved.
        what: What was saved, for the error.

    Raises:
        SnapshotUnusable: It had another one.
    """
    if saved_with != (current := memory_version(name)):
        raise SnapshotUnusable(
            f"{what} was saved with MEMORY_VERSION {saved_with!r}, and the agent now has {current!r}."
        )


def _module(name: str) -> ModuleType:
    path = _files()[name]
    if path.parent == OWN_FOLDER:
        if str(OWN_FOLDER) not in sys.path:
            sys.path.append(str(OWN_FOLDER))  # last, so that it can replace no other module
        return import_module(name)
    package = __package__ if path.parent == _FOLDER else f"{__package__}.demo"
    return import_module(f"{package}.{name}")


def _parsed(name: str) -> ast.Module | None:
    file = _files().get(name)
    return _tree_of(file) if file else None


@cache
def _tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_bytes())


@cache
def _files() -> dict[str, Path]:
    """Return each agent's file by its name. An agent in a later folder hides the same name in an earlier one."""
    return {
        path.stem: path
        for folder in ((_FOLDER, OWN_FOLDER) if OWN_FOLDER.is_dir() else (_FOLDER / "demo", _FOLDER))
        for path in sorted(folder.glob("*.py"))
        if _BUILD.search(path.read_bytes())
    }
