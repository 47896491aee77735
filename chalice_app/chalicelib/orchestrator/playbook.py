"""Which playbooks there are.

A playbook is a JSON file in `chalicelib/playbooks` or in the demo's folder. Listing them only looks at the files:
whoever checks a name (the starter of jobs) must not pay for what it takes to check a playbook.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

_CHALICELIB = Path(__file__).parents[1]


def names() -> tuple[str, ...]:
    """Return the names of all playbooks, sorted."""
    return tuple(sorted(_files()))


def description(name: str) -> str:
    """Return what a playbook says of itself.

    Args:
        name: One of `names()`.
    """
    return str(json.loads(_files()[name].read_text())["description"])


@cache
def _files() -> dict[str, Path]:
    """Each playbook's name and file; one in `playbooks` hides the demo's of the same name."""
    folders = (_CHALICELIB / "agents" / "demo" / "playbooks", _CHALICELIB / "playbooks")
    return {path.stem: path for folder in folders for path in sorted(folder.glob("*.json"))}
