"""The status of a run or job, as the server sends it: a newer server may send values unknown to this client."""

from __future__ import annotations

from runcast.record.model import RunStatus

_ENDED = frozenset(status.value for status in RunStatus if status.ended)


class Status(str):
    """A run's or a job's status. An unknown value counts as open and is shown unchanged."""

    __slots__ = ()

    def __new__(cls, word: str) -> Status:
        """Convert the server's value.

        Raises:
            TypeError: The value is not text.
        """
        if not isinstance(word, str):
            raise TypeError(f"a status is a text, not {word!r}")
        return super().__new__(cls, word)

    @property
    def ended(self) -> bool:
        """Whether the status is terminal."""
        return self in _ENDED

    @property
    def waiting(self) -> bool:
        """Whether the run waits for an answer."""
        return self == RunStatus.WAITING.value
