"""Tables in the documents that are computed: each is between two markers, `<!-- name -->` and `<!-- /name -->`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [f"| {' | '.join(cells)} |" for cells in [headings, *rows]]
    return "\n".join([lines[0], "|" + "---|" * len(headings), *lines[1:]])


def with_tables(text: str, tables: Mapping[str, str]) -> str:
    """Return a document with these tables between its markers.

    Raises:
        ValueError: The document does not have the markers of each table once.
    """
    for name, computed in tables.items():
        parts = re.split(f"(?<=<!-- {name} -->\n).*?(?=\n<!-- /{name} -->)", text, flags=re.DOTALL)
        if len(parts) != 2:
            raise ValueError(f"The document needs the markers of the table {name} once.")
        text = computed.join(parts)
    return text
