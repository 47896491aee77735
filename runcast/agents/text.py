"""Combines the words that a model streams into a few steps.

`metadata.offset` of each step is the length of this agent's text before it, so a client can detect which text is new
on any channel. The unit is the UTF-16 code unit, as `length` and `slice` count in JavaScript. In Python it is
`len(text.encode("utf-16-le")) // 2`.
"""

from __future__ import annotations

from collections.abc import Callable

from runcast import limits
from runcast.agents.pace import Pace
from runcast.redaction import clean, finished
from runcast.runs.scope import Scope
from runcast.text import boundary, utf16_length, well_formed

# The first half of a surrogate pair, and the joiner of two emoji: the model has not finished this character.
_UNFINISHED = (*(chr(code) for code in range(0xD800, 0xDC00)), "\u200d")


class TextSteps:
    """Turns one agent's words into `text` steps and, between these, into deltas that are only shown live.

    A delta holds all words since the last step, so a lost delta leaves no gap once the next has come.

    Args:
        scope: Where the steps are recorded.
        monotonic: A monotonic clock in seconds. It limits how often; the remaining text is recorded when the message
            is complete.
    """

    def __init__(self, scope: Scope, monotonic: Callable[[], float]) -> None:
        self._scope = scope
        self._pace = Pace(monotonic)
        self._live_pace = Pace(monotonic, limits.DELTA_INTERVAL_SECONDS)
        self._held = ""
        self._waiting = ""
        self._offset = 0 if scope.steps_under else scope.run.text_offset

    def add(self, words: str) -> None:
        """Add the next words."""
        self._held += words
        self._release(finished(self._held))
        if not self._waiting or self._waiting.endswith(_UNFINISHED):
            return
        if self._pace.due():
            self._record()
        elif self._scope.live_text and self._live_pace.due():
            self._scope.run.recorder.show_text(
                well_formed(self._waiting),
                offset=self._offset,
                agent_name=self._scope.agent_name,
                parent=self._scope.steps_under,
            )

    def flush(self) -> None:
        """Record the remaining text, because the message is complete."""
        self._release(len(self._held))
        while self._waiting:
            self._record()

    def _release(self, count: int) -> None:
        """Let go the first characters of what is held, without their secrets: `offset` counts what is shown."""
        self._waiting += clean(self._held[:count], "text")
        self._held = self._held[count:]

    def _record(self) -> None:
        self._waiting = well_formed(self._waiting)
        text = self._waiting[: boundary(self._waiting, limits.MESSAGE_MAX_CHARACTERS)]
        self._scope.record("text", text, metadata={"offset": self._offset})
        self._waiting = self._waiting[len(text) :]
        self._offset += utf16_length(text)
        if not self._scope.steps_under:
            self._scope.run.text_offset = self._offset
