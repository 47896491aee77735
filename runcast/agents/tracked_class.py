"""Inserts a tracking between an agent and the consumer of its events.

A tracked agent's class becomes a subclass whose `stream_async` goes through the tracking. If the class has only
Strands' default `stream_async`, which calls `invoke_async`, that one goes through it instead. An instance attribute is
not enough: `copy.copy` copies it, so the copy would run the original agent.
"""

from __future__ import annotations

import copyreg
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable
from functools import lru_cache, wraps
from typing import Any, Protocol

from strands.multiagent.base import MultiAgentBase

_TRACKING = "_runcast_tracking"
_INNER = "_runcast_stream_async"

Events = AsyncIterable[Any]


class Tracking(Protocol):
    """Watches an agent's invocations."""

    def watched(self, agent: Any, events: Events, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Events:
        """Return the events of one invocation of `agent` by `stream_async(*args, **kwargs)`, watched."""


def tracking_of(agent: Any) -> Any:
    """Return the agent's tracking; None if it has none."""
    return getattr(agent, _TRACKING, None)


def set_tracking(agent: Any, tracking: Tracking) -> None:
    """Route the agent's events through the tracking.

    Raises:
        TypeError: The agent does not allow new attributes, or its class cannot be subclassed.
    """
    try:
        own = vars(agent)
        base: Any = type(agent)
        tracked = _tracked_class(base)
        object.__setattr__(agent, "__class__", tracked)
    except Exception as error:
        raise TypeError(f"track() cannot watch {type(agent).__name__}: {error}.") from error
    method = "invoke_async" if _streams_by_invoking(base) else "stream_async"
    if method in own:  # another library's wrapper, which would hide the class's method
        own[_INNER] = own.pop(method)
    own[_TRACKING] = tracking


def _streams_by_invoking(base: Any) -> bool:
    """Whether the class defines only `invoke_async`, which Strands' default `stream_async` calls."""
    return getattr(base, "stream_async", None) is MultiAgentBase.stream_async


@lru_cache(maxsize=256)
def _tracked_class(base: Any) -> Any:
    class Tracked(base):  # type: ignore[misc]
        __slots__ = ()  # so that an instance of the base can change to this class

        if _streams_by_invoking(base):

            @wraps(base.invoke_async)
            async def invoke_async(self, *args: Any, **kwargs: Any) -> Any:
                own = vars(self)
                inner: Callable[..., Any] = own.get(_INNER) or super().invoke_async
                result = None
                async for event in own[_TRACKING].watched(self, _result_of(inner(*args, **kwargs)), args, kwargs):
                    result = event["result"]
                return result

        else:

            @wraps(base.stream_async)
            def stream_async(self, *args: Any, **kwargs: Any) -> Events:
                own = vars(self)
                inner: Callable[..., Events] = own.get(_INNER) or super().stream_async
                watched: Events = own[_TRACKING].watched(self, inner(*args, **kwargs), args, kwargs)
                return watched

        def __reduce_ex__(self, protocol: Any) -> Any:
            """Copy and pickle through the base class, which can be imported by name."""
            reduced = super().__reduce_ex__(protocol)
            if isinstance(reduced, tuple) and reduced[:2] == (copyreg.__newobj__, (Tracked,)):  # type: ignore[attr-defined]
                return _new, (base,), *reduced[2:]
            return reduced

    Tracked.__name__, Tracked.__qualname__ = base.__name__, base.__qualname__
    Tracked.__module__, Tracked.__doc__ = base.__module__, base.__doc__
    return Tracked


async def _result_of(invocation: Awaitable[Any]) -> AsyncGenerator[Any, None]:
    yield {"result": await invocation}


def _new(base: Any) -> Any:
    return _tracked_class(base).__new__(_tracked_class(base))
