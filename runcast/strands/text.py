"""What the model says, as it says it: single words, gathered into a few steps.

Each step says in `metadata.offset` how much text of this agent came before it, so that a client that has read some of
it can tell what is new on any channel. The unit is the UTF-16 code unit: it is what `length` and
`slice` count in JavaScript; in Python it is `len(text.encode("utf-16-le")) // 2`.
"""

from __future__ import annotations

from runcast import limits
from runcast.strands.pace import Pace
from runcast.strands.scope import Scope
from runcast.text import boundary, utf16_length, well_formed

# The first half of a surrogate pair, and what joins two emoji: the model has not finished this character.
_UNFINISHED = (*(chr(code) for code in range(0xD800, 0xDC00)), "\u200d")


class TextSteps:
    """Turns one agent's words into `text` steps.

    Args:
        scope: Where they are recorded.
        pace: How often; what a fast model has left over goes out when its message is done.
    """

    def __init__(self, scope: Scope, pace: Pace) -> None:
        self._scope = scope
        self._pace = pace
        self._waiting = ""
        self._offset = 0

    def add(self, words: str) -> None:
        """Take the next words."""
        self._waiting += words
        if self._waiting and not self._waiting.endswith(_UNFINISHED) and self._pace.due():
            self._record()

    def flush(self) -> None:
        """Record all that is left: the message is done."""
        while self._waiting:
            self._record()

    def _record(self) -> None:
        self._waiting = well_formed(self._waiting)
        text = self._waiting[: boundary(self._waiting, limits.MESSAGE_MAX_CHARACTERS)]
        self._scope.record("text", text, metadata={"offset": self._offset})
        self._waiting = self._waiting[len(text) :]
        self._offset += utf16_length(text)
