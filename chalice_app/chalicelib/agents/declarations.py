"""Reads what an agent's file declares beside `build`: `PARAMETERS_SCHEMA` and `ATTACHMENTS`.

The file is read and not imported, so that the Lambda that starts runs need not import agents. The values must
therefore be literals. The packager uses this module, too.
"""

from __future__ import annotations

import ast
import json
from typing import Any

PARAMETERS_SCHEMA = "PARAMETERS_SCHEMA"
"""The JSON Schema of the agent's parameters."""

ATTACHMENTS = "ATTACHMENTS"
"""Whether the agent takes files."""

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
    declared = _value(tree, PARAMETERS_SCHEMA)
    if declared is None:
        return None
    try:
        schema = ast.literal_eval(declared)
        text = json.dumps(schema, ensure_ascii=False, allow_nan=False)
        is_json = isinstance(schema, dict) and json.loads(text) == schema
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        is_json = False
    if not is_json:
        raise ValueError(
            f"{PARAMETERS_SCHEMA} must be a dict literal of JSON values, because it is read without importing the "
            "file. Write the schema itself, without names and calls."
        )
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise ValueError(f"{PARAMETERS_SCHEMA} must be at most {MAX_BYTES // 1024} KB as JSON.")
    return dict(schema)


def takes_attachments(tree: ast.Module) -> bool:
    """Return whether a file declares `ATTACHMENTS = True`.

    Args:
        tree: The file, parsed.

    Raises:
        ValueError: It declares something else than True or False.
    """
    match _value(tree, ATTACHMENTS):
        case None:
            return False
        case ast.Constant(value=bool(takes)):
            return takes
    raise ValueError(f"{ATTACHMENTS} must be True or False, because it is read without importing the file.")


def _value(tree: ast.Module, name: str) -> ast.expr | None:
    """Return the value that a file assigns last to a name; None if it assigns none."""
    found = None
    for statement in tree.body:
        if isinstance(statement, ast.Assign):
            targets = statement.targets
        elif isinstance(statement, ast.AnnAssign):
            targets = [statement.target]
        else:
            continue
        if statement.value is not None and any(isinstance(each, ast.Name) and each.id == name for each in targets):
            found = statement.value
    return found
