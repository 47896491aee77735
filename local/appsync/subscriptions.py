"""Keeps the subscriptions and delivers the results of mutations to them.

An event contains only the fields that the mutation selected: AppSync runs no resolver for it, and a field that the
mutation omitted or aliased is null for the subscriber.

Source: https://docs.aws.amazon.com/appsync/latest/devguide/aws-appsync-real-time-data.html
"""

import json
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLResolveInfo,
    execute_sync,
    get_nullable_type,
    get_operation_ast,
    is_leaf_type,
    is_nullable_type,
)

from local.appsync.authorisation import may_access
from local.appsync.execution import Subscribed, denied
from local.appsync.filters import matches_arguments, matches_server_filter
from local.appsync.limits import MAX_PAYLOAD_BYTES
from local.appsync.schema import subscribed_mutations
from local.appsync.validation import error_entry

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Subscription:
    """One running subscription; `deliver` takes the payload of a `data` frame and must not block."""

    api_id: str
    request: Subscribed
    deliver: Callable[[dict[str, Any]], None]

    @cached_property
    def selection(self) -> "_Selection | None":
        """What is selected; None unless it is values only, without directives, all of which the subscriber may read.

        Most subscribers do that, and to read values off an event takes a tenth of the time of an execution.
        """
        return _plain_selection(self.request)


@dataclass(frozen=True)
class _Selection:
    """The key of the payload and, for each value in it, its key, its field and its type."""

    key: str
    fields: list[tuple[str, str, Any]]


class Subscriptions:
    """All running subscriptions of this endpoint."""

    def __init__(self) -> None:
        self._running: set[Subscription] = set()

    def add(self, subscription: Subscription) -> None:
        """Starts delivery."""
        self._running.add(subscription)

    def remove(self, subscription: Subscription) -> None:
        """Ends delivery."""
        self._running.discard(subscription)

    def publish(self, api_id: str, mutation: str, event: Any) -> None:
        """Delivers a mutation's result to everyone whom it concerns.

        Args:
            api_id: the API that ran the mutation.
            mutation: the mutation's field name.
            event: its result as selected.
        """
        for subscription in [each for each in self._running if each.api_id == api_id]:
            if _concerns(subscription.request, mutation, event):
                payload = _payload(subscription, event)
                size_bytes = len(json.dumps(payload).encode())
                if size_bytes <= MAX_PAYLOAD_BYTES:
                    subscription.deliver(payload)
                else:
                    _logger.warning(
                        "an event of %s (%d bytes) exceeds %d bytes and is dropped, as on AWS",
                        mutation,
                        size_bytes,
                        MAX_PAYLOAD_BYTES,
                    )


def _concerns(request: Subscribed, mutation: str, event: Any) -> bool:
    if mutation not in subscribed_mutations(request.schema)[request.field_name]:
        return False
    if request.server_filter is not None:
        return matches_server_filter(request.server_filter, event)
    return matches_arguments(request.arguments, event)


def _payload(subscription: Subscription, event: Any) -> dict[str, Any]:
    """The event as the subscriber selected it and may see it."""
    if selection := subscription.selection:
        values = [(key, event.get(name), type_) for key, name, type_ in selection.fields]
        with suppress(GraphQLError, TypeError):  # TypeError means null in a non-null field
            return {"data": {selection.key: {key: _serialized(value, type_) for key, value, type_ in values}}}
    return _executed(subscription.request, event)


def _serialized(value: Any, type_: Any) -> Any:
    if value is not None:
        return get_nullable_type(type_).serialize(value)
    if is_nullable_type(type_):
        return None
    raise TypeError


def _plain_selection(request: Subscribed) -> _Selection | None:
    operation = get_operation_ast(request.document, request.operation_name)
    parent: Any = request.schema.subscription_type
    selections = operation.selection_set.selections if operation else ()
    roots = [root for root in selections if _is_plain(request, parent, root)]
    if len(roots) != 1 or len(selections) != 1:
        return None
    root: Any = roots[0]
    parent = parent.fields[root.name.value].type
    fields = root.selection_set.selections if root.selection_set else ()
    if not isinstance(parent, GraphQLObjectType) or not all(_is_plain(request, parent, field) for field in fields):
        return None
    selected = [(_key(field), field.name.value, parent.fields[field.name.value].type) for field in fields]
    if not all(is_leaf_type(get_nullable_type(type_)) for _, _, type_ in selected):
        return None
    return _Selection(_key(root), selected)


def _is_plain(request: Subscribed, parent: GraphQLObjectType, selection: Any) -> bool:
    """Whether a selection is a field without directives that the subscriber may read."""
    if not isinstance(selection, FieldNode) or selection.directives or selection.name.value not in parent.fields:
        return False
    return may_access(request.caller, request.default_mode, parent, parent.fields[selection.name.value])


def _key(field: Any) -> str:
    return str(field.alias.value if field.alias else field.name.value)


def _executed(request: Subscribed, event: Any) -> dict[str, Any]:
    def read_field(source: Mapping[str, Any], info: "GraphQLResolveInfo[Any]", **_: Any) -> Any:
        definition = info.parent_type.fields[info.field_name]
        if not may_access(request.caller, request.default_mode, info.parent_type, definition):
            raise denied(info)
        return source.get(info.field_name)

    result = execute_sync(
        request.schema,
        request.document,
        root_value={request.field_name: event},
        variable_values=dict(request.variables),
        operation_name=request.operation_name,
        field_resolver=read_field,
    )
    errors = [error_entry(error, path=error.path) for error in result.errors or ()]
    return {"data": result.data, **({"errors": errors} if errors else {})}
