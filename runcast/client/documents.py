"""The GraphQL documents that this client sends: the very files that other frontends are given.

`operations` is a link to `graphql/operations`, so that there is one copy of each; a wheel holds the files themselves.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def document(name: str) -> str:
    """Return the text of a document, known by the field it asks for, such as `getAgentProgress`."""
    return files("runcast.client").joinpath("operations", f"{name}.graphql").read_text(encoding="utf-8")
