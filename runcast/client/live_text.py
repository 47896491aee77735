"""Joins an agent's text from its recorded steps and from the deltas between them.

A recorded `text` step and a delta both say at which offset of the agent's text they belong, so they may arrive in any
order and more than once. The joined text never shrinks.
"""

from __future__ import annotations


class LiveText:
    """The text of one agent: the steps and deltas with the same `requestId` and `metadata.parentSeq`."""

    def __init__(self) -> None:
        self._units = b""  # UTF-16, because offsets count its code units
        self._ahead: dict[int, bytes] = {}

    def __str__(self) -> str:
        return self._units.decode("utf-16-le", "replace")

    def add(self, offset: int, piece: str) -> None:
        """Add a piece of the text; a piece after a gap is kept until the gap is filled."""
        units = piece.encode("utf-16-le", "surrogatepass")
        self._ahead[offset] = max(units, self._ahead.get(offset, b""), key=len)
        for place in sorted(self._ahead):
            begin = 2 * place
            if begin > len(self._units):
                return
            ahead = self._ahead.pop(place)
            if begin + len(ahead) > len(self._units):
                self._units = self._units[:begin] + ahead
