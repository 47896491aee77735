"""Does what its parameters say: a run that records many steps at once, or one whose model is silent for a while.

It is no agent of the project: `bench.extra_agent` adds it to the agent Lambda of a local stack that is measured.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from chalicelib.agents.run import AgentRun
from strands import Agent
from strands.models import Model

from runcast import publish_status


class _Model(Model):
    """Records `steps` steps without a pause, awaits `silent_seconds`, and answers."""

    def __init__(self, steps: int, silent_seconds: float) -> None:
        self._steps = steps
        self._silent_seconds = silent_seconds

    def update_config(self, **_: Any) -> None:
        """Does nothing: there is nothing to configure."""

    def get_config(self) -> dict[str, Any]:
        """Returns an empty configuration."""
        return {}

    def structured_output(self, *_: Any, **__: Any) -> Any:
        """Not supported."""
        raise NotImplementedError

    async def stream(self, *_: Any, **__: Any) -> AsyncIterator[Any]:
        """Yields one short answer."""
        for number in range(self._steps):
            publish_status(None, "working", f"Step {number} of {self._steps}", metadata={"number": number})
        await asyncio.sleep(self._silent_seconds)
        yield {"messageStart": {"role": "assistant"}}
        yield {"contentBlockStart": {"start": {}}}
        yield {"contentBlockDelta": {"delta": {"text": "Done."}}}
        yield {"contentBlockStop": {}}
        yield {"messageStop": {"stopReason": "end_turn"}}


def build(run: AgentRun) -> Agent:
    """Return a new agent for one run."""
    model = _Model(run.parameters.get("steps", 0), run.parameters.get("silentSeconds", 0))
    return Agent(name="bench", model=model, callback_handler=None)
