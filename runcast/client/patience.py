"""How long a watching client waits for what: each of its waits has its bound here, so that they can be read at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

# Doubling on from here would only make large numbers: the longest pause has been reached by far.
_DOUBLINGS_MAX = 30


@dataclass(frozen=True)
class Patience:
    """How long a watching client waits before it does something about it, in seconds.

    Attributes:
        gap: For a step that is missing between two others, before it asks.
        silence: For anything to be heard, before it asks.
        backstop: Between two questions at most, whatever is heard: a connection may deliver some things only.
        poll: Between two questions while there is no live connection, or while the worker is in doubt.
        lost: After the worker's lease has passed, before the watching ends: a frozen worker may come back, and an end
            may yet be written for a dead one.
        read: For the answer to one read. It is far below the time after which a run counts as lost.
        unreadable: For an answer after the first of several failures in a row, before the client gives up.
        straggler: After the end, for steps known from the record that may still be on their way live. They are held
            already; this is for the count only, and nothing extends it.
        connect: For a live connection to stand.
        retry_first: The longest pause before the first new try of what has failed; it doubles with each failure.
        retry_longest: The longest pause of all.
        tries: So many failures in a row mean that live connections are blocked here. It goes on trying, rarely.
    """

    gap: float = 0.5
    silence: float = 5.0
    backstop: float = 30.0
    poll: float = 1.0
    lost: float = 30.0
    read: float = 10.0
    unreadable: float = 60.0
    straggler: float = 5.0
    connect: float = 5.0
    retry_first: float = 0.5
    retry_longest: float = 60.0
    tries: int = 5

    def pause_seconds(self, failures: int, random: Callable[[], float]) -> float:
        """Return how long to pause after so many failures in a row: exponential, with full jitter.

        Whatever breaks many connections at once must not bring them all back at once.

        Args:
            failures: 1 or more.
            random: Gives a number from 0 to 1.

        Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
        """
        doubled = self.retry_first * float(2 ** min(failures - 1, _DOUBLINGS_MAX))
        return random() * min(self.retry_longest, doubled)
