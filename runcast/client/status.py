"""How a run or job stands, in the server's own word: a newer server may use words that this client does not know."""

from __future__ import annotations

from runcast.record.model import RunStatus

_ENDED = frozenset(status.value for status in RunStatus if status.ended)


class Status(str):
    """A run's or a job's status. A word that this client does not know is an open status, and is shown as it is."""

    __slots__ = ()

    def __new__(cls, word: str) -> Status:
        """Take the server's word.

        Raises:
            TypeError: It is no text.
        """
        if not isinstance(word, str):
            raise TypeError(f"a status is a text, not {word!r}")
        return super().__new__(cls, word)

    @property
    def ended(self) -> bool:
        """Whether nothing can be recorded any more."""
        return self in _ENDED
