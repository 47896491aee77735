"""Ends a model call at once when its run is stopped, the same way as Strands ends a cancelled call."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from strands.types.events import ModelStopReason

from runcast.errors import RunStopped
from runcast.runs.stop import Interruptible


async def stoppable(call: Interruptible, events: AsyncGenerator[Any, None]) -> AsyncGenerator[Any, None]:
    """Yield the events of a model call; if it is interrupted, end it with the stop reason `cancelled`.

    The model's partial answer is discarded. A call that already has its stop reason finishes normally.
    """
    async with aclosing(events):
        answered = False
        while not answered:
            try:
                event = await call.of(events)
            except StopAsyncIteration:
                return
            except RunStopped:
                yield _cancelled()
                return
            answered = isinstance(event, ModelStopReason)
            yield event
        async for event in events:
            yield event


def _cancelled() -> ModelStopReason:
    return ModelStopReason(
        stop_reason="cancelled",
        message={"role": "assistant", "content": [{"text": "Cancelled by user"}]},
        usage={"inputTokens": 0, "outputTokens": 0, "totalTokens": 0},
        metrics={"latencyMs": 0},
    )
