"""A mutation: the removal of one guard.

It imports nothing of the product: it is applied before the product is imported.
"""

from __future__ import annotations

from typing import NamedTuple


class Mutation(NamedTuple):
    """A removed guard: in one file, each of these texts, which occurs there once, is replaced by the other.

    `test` notices a guard of threads or of an agent's work, which no history has: a file, or one test of it.
    """

    guard: str
    path: str
    changes: tuple[tuple[str, str], ...]
    test: str | None = None


def changed(source: str, mutation: Mutation) -> str:
    """Return a file's text without the guard.

    Raises:
        ValueError: The text to be replaced does not occur exactly once: the guard has moved.
    """
    for old, new in mutation.changes:
        if source.count(old) != 1:
            raise ValueError(f"{mutation.path} holds {source.count(old)} times: {old!r} ({mutation.guard})")
        source = source.replace(old, new)
    return source
