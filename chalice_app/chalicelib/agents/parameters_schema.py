"""Reads `PARAMETERS_SCHEMA`, the JSON Schema that an agent's file declares for its parameters beside `build`.

The file is read and not imported, so that the Lambda that starts runs need not import agents. The schema must
therefore be a literal. The packager uses this module, too.
"""

from __future__ import annotations

import ast
import json
from typing import Any

NAME = "PARAMETERS_SCHEMA"

MAX_BYTES = 16 * 1024
"""One answer of `listAgents` contains the schemas of all agents."""


def declared_schema(tree: ast.Module) -> dict[str, Any] | None:
    """Return the schema that a file declares; None if it declares none.

    Args:
        tree: The file, parsed.

    Raises:
        ValueError: It is not a JSON object that is written as a literal, or it is over `MAX_BYTES`; the message says
            which.
    """
    declared = [value for statement in tree.body if (value := _value(statement)) is not None]
    if not declared:
        return None
    try:
        schema = ast.literal_eval(declared[-1])
        text = json.dumps(schema, ensure_ascii=False, allow_nan=False)
        is_json = isinstance(schema, dict) and json.loads(text) == schema
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        is_json = False
    if not is_json:
        raise ValueError(
            f"{NAME} must be a dict literal of JSON values, because it is read without importing the file. Write the "
            "schema itself, without names and calls."
        )
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise ValueError(f"{NAME} must be at most {MAX_BYTES // 1024} KB as JSON.")
    return dict(schema)


def _value(statement: ast.stmt) -> ast.expr | None:
    """Return the value that a statement assigns to `NAME`; None if it assigns none."""
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    else:
        return None
    return statement.value if any(isinstance(each, ast.Name) and each.id == NAME for each in targets) else None
