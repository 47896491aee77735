"""Does what its parameters say: records many steps at once, is silent for a while, or writes text word by word.

It is no agent of the project: `bench.extra_agent` adds it to the agent Lambda of a local stack that is measured.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from chalicelib.agents.run_context import RunContext
from strands import Agent
from strands.models import Model

from runcast import publish_status, track


class ScriptedModel(Model):
    """Leaves only `stream` to its subclasses: nothing can be configured."""

    def update_config(self, **_: Any) -> None:
        """Does nothing: there is nothing to configure."""

    def get_config(self) -> dict[str, Any]:
        """Returns an empty configuration."""
        return {}

    def structured_output(self, *_: Any, **__: Any) -> Any:
        """Not supported."""
        raise NotImplementedError


class _Model(ScriptedModel):
    """Records `steps` steps without a pause, awaits `silent_seconds`, and writes `words` words at a pace."""

    def __init__(self, steps: int, silent_seconds: float, words: int, words_per_second: float) -> None:
        self._steps = steps
        self._silent_seconds = silent_seconds
        self._words = words
        self._words_per_second = words_per_second

    async def stream(self, *_: Any, **__: Any) -> AsyncIterator[Any]:
        """Yields the answer."""
        for number in range(self._steps):
            publish_status(None, "working", f"Step {number} of {self._steps}", metadata={"number": number})
        await asyncio.sleep(self._silent_seconds)
        yield {"messageStart": {"role": "assistant"}}
        yield {"contentBlockStart": {"start": {}}}
        for number in range(self._words):
            yield {"contentBlockDelta": {"delta": {"text": f"word {number} "}}}
            await asyncio.sleep(1 / self._words_per_second)
        yield {"contentBlockDelta": {"delta": {"text": "Done."}}}
        yield {"contentBlockStop": {}}
        yield {"messageStop": {"stopReason": "end_turn"}}


def build(run: RunContext) -> Agent:
    """Return a new agent for one run."""
    given = run.parameters
    words = given.get("words", 0)
    model = _Model(given.get("steps", 0), given.get("silentSeconds", 0), words, given.get("wordsPerSecond", 1))
    return track(Agent(name="bench", model=model, callback_handler=None), text=words > 0)
