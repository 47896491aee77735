"""Writes the tables of requirements, variables and outputs into `terraform/README.md`.

The tables have the format and the markers of the program terraform-docs. They are generated here because that program
would be one more thing to install. A test compares the tables with the module.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hcl2

_MODULE = Path(__file__).resolve().parent.parent / "terraform"
_BEGIN, _END = "<!-- BEGIN_TF_DOCS -->", "<!-- END_TF_DOCS -->"
_PLAIN = hcl2.SerializationOptions(
    with_comments=False, explicit_blocks=False, preserve_heredocs=False, strip_string_quotes=True
)


def document(module: Path, readme: str) -> str:
    """Return a module's README with the tables generated from its `.tf` files.

    Args:
        module: The module's directory.
        readme: The README's text, with the two markers.
    """
    before, _, rest = readme.partition(_BEGIN)
    after = rest.partition(_END)[2]
    return f"{before}{_BEGIN}\n{_tables(module)}\n{_END}{after}"


def _tables(module: Path) -> str:
    blocks = [hcl2.loads(file.read_text(), serialization_options=_PLAIN) for file in sorted(module.glob("*.tf"))]
    settings = [each for file in blocks for each in file.get("terraform", [])]
    providers = {name: each["version"] for one in settings for name, each in one["required_providers"][0].items()}
    versions = {"terraform": settings[0]["required_version"], **providers}
    variables = _named(file.get("variable", []) for file in blocks)
    outputs = _named(file.get("output", []) for file in blocks)
    return "\n".join(
        [
            "## Requirements\n",
            *_table(("Name", "Version"), list(versions.items())),
            "## Inputs\n",
            *_table(
                ("Name", "Description", "Type", "Default", "Required"),
                [(f"`{name}`", each["description"], *_value(each)) for name, each in variables],
            ),
            "## Outputs\n",
            *_table(
                ("Name", "Description", "Sensitive"),
                [
                    (f"`{name}`", each["description"], "yes" if each.get("sensitive") else "no")
                    for name, each in outputs
                ],
            ),
        ]
    )


def _named(blocks: Any) -> list[tuple[str, dict[str, Any]]]:
    return sorted((name, body) for file in blocks for block in file for name, body in block.items())


def _value(variable: dict[str, Any]) -> tuple[str, str, str]:
    """Return a variable's type, its default and whether it is required."""
    type_ = re.sub(r"^\$\{(.*)\}$", r"\1", variable["type"])
    if "default" not in variable:
        return f"`{type_}`", "n/a", "yes"
    return f"`{type_}`", f"`{json.dumps(variable['default'], ensure_ascii=False)}`", "no"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    yield from (f"| {' | '.join(_cell(text) for text in row)} |" for row in rows)
    yield ""


def _cell(text: str) -> str:
    """Return a text as one line with each `|` escaped."""
    # The parser escapes quotation marks in heredocs only.
    return " ".join(text.split()).replace("|", r"\|").replace(r"\"", '"')


def main() -> int:
    """Write the README; return the exit code."""
    readme = _MODULE / "README.md"
    readme.write_text(document(_MODULE, readme.read_text()))
    print("terraform/README.md: written.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
