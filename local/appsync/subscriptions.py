"""Who is subscribed to what, and the delivery of a mutation's result to them.

An event is what the mutation selected, no more: AppSync runs no resolver for it, and a field that the mutation left out
or renamed by an alias is null for the subscriber.

Source: https://docs.aws.amazon.com/appsync/latest/devguide/aws-appsync-real-time-data.html
"""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLResolveInfo, execute_sync

from local.appsync.authorisation import may_access
from local.appsync.execution import Subscribed, denied
from local.appsync.filters import matches_arguments, matches_server_filter
from local.appsync.schema import subscribed_mutations
from local.appsync.validation import error_entry

# Source: https://docs.aws.amazon.com/general/latest/gr/appsync.html
_PAYLOAD_LIMIT_BYTES = 240 * 1024

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Subscription:
    """One running subscription; `deliver` takes the payload of a `data` frame and must not block."""

    api_id: str
    request: Subscribed
    deliver: Callable[[dict[str, Any]], None]


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
                payload = _payload(subscription.request, event)
                size_bytes = len(json.dumps(payload).encode())
                if size_bytes <= _PAYLOAD_LIMIT_BYTES:
                    subscription.deliver(payload)
                else:
                    _logger.warning(
                        "an event of %s (%d bytes) is over %d bytes and vanishes, as on AWS",
                        mutation,
                        size_bytes,
                        _PAYLOAD_LIMIT_BYTES,
                    )


def _concerns(request: Subscribed, mutation: str, event: Any) -> bool:
    if mutation not in subscribed_mutations(request.schema)[request.field_name]:
        return False
    if request.server_filter is not None:
        return matches_server_filter(request.server_filter, event)
    return matches_arguments(request.arguments, event)


def _payload(request: Subscribed, event: Any) -> dict[str, Any]:
    """The event as the subscriber selected it and may see it."""

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
