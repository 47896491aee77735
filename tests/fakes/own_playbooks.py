"""Replaces the project's playbooks by the tests' own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from chalicelib.orchestrator import playbook


@contextmanager
def own_playbooks(folder: Path, playbooks: Mapping[str, Any]) -> Iterator[None]:
    """Within this context, these are all playbooks: each file's content by its name, as JSON or as text."""
    for name, given in playbooks.items():
        (folder / f"{name}.json").write_text(given if isinstance(given, str) else json.dumps(given))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(playbook, "_FOLDERS", (folder,))
        playbook._files.cache_clear()
        yield
    playbook._files.cache_clear()
