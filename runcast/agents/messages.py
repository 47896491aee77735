"""Reads the blocks of a message in Strands' format, in which tools are requested and answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def blocks(message: object, role: str, kind: str) -> Iterator[Mapping[str, Any]]:
    """Yield the blocks of one kind, such as `toolUse`, in a message of this role."""
    if isinstance(message, Mapping) and message.get("role") == role:
        for block in message.get("content", ()):
            if kind in block:
                yield block[kind]
