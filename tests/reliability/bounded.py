"""Limits the DynamoDB calls of a history, so that an endless loop is reported as hung at once.

Every loop in the record's code calls the table in each iteration. A limit on calls works on any machine; a time limit
cannot distinguish an endless loop from a busy machine.
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
