"""The GraphQL documents that this client sends, which are the same files that other frontends use.

`operations` is a link to `graphql/operations`, so each file exists once; a wheel contains the files themselves.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def document(name: str) -> str:
    """Return the text of a document, by the name of its field, such as `getAgentProgress`."""
    return files("runcast.client").joinpath("operations", f"{name}.graphql").read_text(encoding="utf-8")
