"""A table of what the local provider does not support. It is generated from the entries, so it is always up to date."""

from collections.abc import Iterable

from local.terraform_provider.data_sources import data_sources
from local.terraform_provider.fields import Block
from local.terraform_provider.table import resource_types


def gaps_markdown() -> str:
    """The gaps as a Markdown table with a row for each type, sorted; ends with a newline.

    Columns: arguments whose use is an error; arguments that the emulator does not (always) answer, so that drift may
    go unseen; arguments that no AWS call answers, where the state is believed; blocks in which drift is seen only
    where the configuration declares them.
    """
    rows = [
        "| Type | Refused when set | Accepted, not always returned | Never returned | Drift seen only if declared |",
        "|---|---|---|---|---|",
    ]
    for name, kind in resource_types().items():
        entry = kind.entry
        only = [f"{path}` other than `{value}" for path, value in entry.only.items()]
        refused = [*_refused(kind.block), *only]
        rows.append(_row(name, refused, entry.unread, entry.kept, entry.undeclared))
    for name, source in sorted(data_sources().items()):
        rows.append(_row(f"data {name}", _refused(source.block), (), (), ()))
    return "\n".join(rows) + "\n"


def _refused(block: Block) -> list[str]:
    """The outermost refused paths."""
    found: list[str] = []
    for field in block.values():
        found += [field.path] if field.refused else _refused(field.block)
    return found


def _row(name: str, *columns: Iterable[str]) -> str:
    cells = [", ".join(f"`{path}`" for path in sorted(column)) or "-" for column in columns]
    return f"| `{name}` | {' | '.join(cells)} |"
