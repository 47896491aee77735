"""What the model says, as it says it: single words, gathered into a few steps.

Each step says in `metadata.offset` how many characters of this agent came before it, so that whoever has read some of
them can tell what is new, whichever way the steps came.
"""

from __future__ import annotations

from runcast import limits
from runcast.strands.pace import Pace
from runcast.strands.scope import Scope


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
        if self._waiting and self._pace.due():
            self._record()

    def flush(self) -> None:
        """Record all that is left: the message is done."""
        while self._waiting:
            self._record()

    def _record(self) -> None:
        text = self._waiting[: limits.MESSAGE_MAX_CHARACTERS]
        self._scope.record("text", text, metadata={"offset": self._offset})
        self._waiting = self._waiting[len(text) :]
        self._offset += len(text)
