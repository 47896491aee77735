"""The open questions of a waiting run, as its record has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True)
class Question:
    """A question that an agent has asked.

    Attributes:
        id: The key of its answer.
        name: The name that the agent gave it, such as `approve`.
        reason: What the agent says about it, any JSON; None if it says nothing.
    """

    id: str
    name: str
    reason: Any

    @classmethod
    def all_in(cls, metadata: Mapping[str, Any] | None) -> tuple[Self, ...]:
        """Return the questions in the metadata of a step `waiting`; none if they were too large to be recorded."""
        asked = (metadata or {}).get("interrupts")
        return tuple(
            cls(each["id"], str(each.get("name") or ""), each.get("reason"))
            for each in (asked if isinstance(asked, list) else ())
            if isinstance(each, dict) and isinstance(each.get("id"), str)
        )
