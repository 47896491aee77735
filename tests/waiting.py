"""The wait of all tests for what another thread, process or function is about to do, and nothing announces."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

POLL_SECONDS = 0.01


def wait_until(read: Callable[[], T], is_so: Callable[[T], object] = bool, *, deadline_seconds: float = 60.0) -> T:
    """Read again until the value is as expected, by default true, and return it; fail at the deadline."""
    deadline = time.monotonic() + deadline_seconds
    while not is_so(value := read()):
        assert time.monotonic() < deadline, f"after {deadline_seconds:g} seconds it is still {value!r}"
        time.sleep(POLL_SECONDS)
    return value
