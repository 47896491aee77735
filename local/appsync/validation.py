"""Validation of a request's document, with the answers worded as AppSync words them.

The checks are graphql-core's; a client that tells errors apart by AppSync's messages sees the same ones here. What
AppSync's wording is not known for keeps graphql-core's.
"""

import re
from collections.abc import Sequence
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    Node,
    ValidationRule,
    Visitor,
    is_introspection_type,
    specified_rules,
    validate,
    visit,
)


def validation_errors(schema: GraphQLSchema, document: DocumentNode, *, introspectable: bool) -> list[dict[str, Any]]:
    """Returns everything wrong with the document, as AppSync's error entries; empty if it is valid.

    Args:
        schema: The API's schema.
        document: The document.
        introspectable: Whether the API answers questions about its schema.
    """
    found = validate(schema, document, specified_rules if introspectable else [*specified_rules, _WithoutIntrospection])
    if not found:
        return []
    paths = _FieldPaths()
    visit(document, paths)
    return [error_entry(error, message=_message(error, paths.by_node)) for error in found]


def error_entry(
    error: GraphQLError, *, message: str | None = None, path: Sequence[Any] | None = None
) -> dict[str, Any]:
    """An entry of an answer's `errors` that names the places in the document."""
    locations = [{"line": at.line, "column": at.column, "sourceName": None} for at in error.locations or ()]
    return {"path": path, "locations": locations, "message": message or error.message}


def variable_message(message: str) -> str:
    """AppSync's wording of a complaint about the variables."""
    name = re.match(r"Variable '\$(\w+)'", message)
    if name is None:
        return message
    non_null = re.search(r"of (?:required|non-null) type '([^']+)'|non-nullable type '([^']+)'", message)
    if non_null:
        of_type = non_null[1] or non_null[2]
        return f"Variable '{name[1]}' has coerced Null value for NonNull type '{of_type}'"
    return f"Variable '{name[1]}' has an invalid value. {message.partition('; ')[2]}".strip()


# graphql-core's message -> AppSync's; {path} is the field's place in the document.
_WORDINGS = (
    (
        r"Cannot query field '(?P<field>\w+)' on type '(?P<type>\w+)'",
        "FieldUndefined: Field '{field}' in type '{type}' is undefined @ '{path}'",
    ),
    (r"Unknown argument '(?P<argument>\w+)'", "UnknownArgument: Unknown field argument {argument} @ '{path}'"),
    (
        r"Field '\w+' argument '(?P<argument>\w+)' of type '.+' is required",
        "MissingFieldArgument: Missing field argument {argument} @ '{path}'",
    ),
    (
        r"Field '(?P<field>\w+)' of type '(?P<type>\w+)!?' must have a selection",
        "SubSelectionRequired: Sub selection required for type {type} of field {field} @ '{path}'",
    ),
    (
        r"Field '(?P<field>\w+)' must not have a selection since type '(?P<type>\w+)!?'",
        "SubSelectionNotAllowed: Sub selection not allowed on leaf type {type} of field {field} @ '{path}'",
    ),
)


class _WithoutIntrospection(ValidationRule):
    """Refuses the fields of a schema's description, as if they did not exist. `__typename` is none of them.

    Source: https://docs.aws.amazon.com/appsync/latest/devguide/configuration-limits.html
    """

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        parent = self.context.get_parent_type()
        if parent and is_introspection_type(parent) and node.name.value != "__typename":
            error = GraphQLError(f"Cannot query field '{node.name.value}' on type '{parent.name}'.", node)
            self.context.report_error(error)


class _FieldPaths(Visitor):
    """Collects the path of field names to each field, its arguments and its selection."""

    def __init__(self) -> None:
        super().__init__()
        self.by_node: dict[int, str] = {}
        self._path: list[str] = []

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        self._path.append(node.name.value)
        for each in (node, node.selection_set, *(node.arguments or ())):
            self.by_node[id(each)] = "/".join(self._path)

    def leave_field(self, *_: Any) -> None:
        self._path.pop()


def _message(error: GraphQLError, path_by_node: dict[int, str]) -> str:
    nodes: Sequence[Node] = error.nodes or ()
    path = path_by_node.get(id(nodes[0]), "") if nodes else ""
    for pattern, wording in _WORDINGS:
        if found := re.match(pattern, error.message):
            return "Validation error of type " + wording.format(**found.groupdict(), path=path)
    return f"Validation error: {error.message}"
