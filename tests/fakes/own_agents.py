"""Replaces the project's agents by the tests' own, because users add and remove agents."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from chalicelib.agents import registry


@contextmanager
def own_agents() -> Iterator[None]:
    """Within this context, `tests/fakes/agents` is the folder of the agents: there is one, `survey`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "_FOLDER", Path(__file__).parent / "agents")
        patch.setattr(registry, "__package__", "tests.fakes.agents")
        registry._files.cache_clear()
        yield
    registry._files.cache_clear()
