"""Inserts a tracking between an agent and the consumer of its events.

A tracked agent's class becomes a subclass whose `stream_async` goes through the tracking. An instance attribute is not
enough: `copy.copy` copies it, so the copy would run the original agent.
"""

from __future__ import annotations

import copyreg
from collections.abc import AsyncIterable, Callable
from functools import lru_cache, wraps
from typing import Any, Protocol

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
    if "stream_async" in own:  # another library's wrapper, which would hide the class's method
        own[_INNER] = own.pop("stream_async")
    own[_TRACKING] = tracking


@lru_cache(maxsize=256)
def _tracked_class(base: Any) -> Any:
    class Tracked(base):  # type: ignore[misc]
        __slots__ = ()  # so that an instance of the base can change to this class

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


def _new(base: Any) -> Any:
    return _tracked_class(base).__new__(_tracked_class(base))
