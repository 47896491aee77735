"""The one place that reads the wall clock, so that everything else can be handed another one."""

import time


def epoch_ms() -> int:
    """Return the time now in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000
