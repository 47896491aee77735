"""A bound on what one history asks of DynamoDB, so that whatever never ends is reported as hung, at once.

Every loop of the record's code asks the table for something in each round. A bound on calls notices it on any machine,
however slow; a time limit could not tell a loop without end from a busy machine.
"""

from __future__ import annotations

from typing import Any

CALLS = 5_000  # more than ten times what the busiest history makes


class Endless(BaseException):
    """A history asked for more than any history needs. No `except Exception` of the code under test may catch it."""

    kind = "hung"

    def __init__(self) -> None:
        super().__init__(f"hung: a history made {CALLS} calls and came to no end")


class BoundedClient:
    """A client of DynamoDB for one history."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._left = CALLS

    @property
    def calls(self) -> int:
        """How many calls were made."""
        return CALLS - self._left

    def __getattr__(self, name: str) -> Any:
        self._left -= 1
        if self._left < 0:
            raise Endless
        return getattr(self._client, name)
