"""Execution of one GraphQL request by AppSync's rules.

graphql-core runs the document. Each field is first checked against the directives: a denied field is null with an
`Unauthorized` error at any depth. Then MiniStack's resolver supplies the value, or it is read from the parent. The
results of mutations and the arguments of subscriptions return to the gateway through the request's Exchange.
"""

import json
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationType,
    execute_sync,
    get_operation_ast,
    parse,
)

from local.appsync.authorisation import Caller, may_access
from local.appsync.limits import MAX_DOCUMENT_BYTES, MAX_REQUEST_SECONDS, MAX_RESOLVERS, MAX_RESULT_BYTES
from local.appsync.schema import appsync_schema
from local.appsync.validation import error_entry, validation_errors, variable_message


@dataclass
class Subscribed:
    """A subscription that its resolver let pass, and what its events are filtered by.

    `arguments` holds every argument the document gives, null where its variable is unset.
    """

    schema: GraphQLSchema
    document: DocumentNode
    operation_name: str | None
    variables: Mapping[str, Any]
    field_name: str
    arguments: dict[str, Any]
    caller: Caller
    default_mode: str
    server_filter: Mapping[str, Any] | None = None


@dataclass
class Exchange:
    """The data that the gateway and the executor exchange about one request.

    `mutated` lists mutation fields with what came out of them, as selected. `subscribed` is set when a request over
    the real-time endpoint was a subscription and succeeded.
    """

    caller: Caller
    realtime: bool = False
    mutated: list[tuple[str, Any]] = field(default_factory=list)
    subscribed: Subscribed | None = None


EXCHANGE: ContextVar[Exchange] = ContextVar("exchange")


@dataclass
class FieldCall:
    """One field to be resolved by the API's resolver."""

    type_name: str
    field_name: str
    arguments: dict[str, Any]
    source: Mapping[str, Any]
    variables: Mapping[str, Any]
    appended_errors: list[dict[str, Any]]


@dataclass(frozen=True)
class Api:
    """An API as the executor needs it.

    Attributes:
        record: The API's settings, as its control plane returns them.
        sdl: The schema.
        has_resolver: Whether a type's field has a resolver.
        resolve: Runs a field's resolver.
        iam_allows: What the IAM policies say of a topmost field; None if the caller is not an IAM one.
        now_seconds: A clock that never goes back.
    """

    record: Mapping[str, Any]
    sdl: str
    has_resolver: Callable[[str, str], bool]
    resolve: Callable[[FieldCall], Any]
    iam_allows: Callable[[str, str], bool] | None = None
    now_seconds: Callable[[], float] = time.monotonic


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; `error_type` is set when the request as a whole was refused."""

    status: int
    body: dict[str, Any]
    error_type: str | None = None


def refusal(status: int, error_type: str, message: str) -> Answer:
    """The answer to a request that is not executed."""
    return Answer(status, {"errors": [{"errorType": error_type, "message": message}]}, error_type)


def execute(api: Api, request: Mapping[str, Any], exchange: Exchange) -> Answer:
    """Validates and runs a request: `query`, `variables`, `operationName`.

    A document that is nested too deep for graphql-core is refused like one that cannot be parsed.
    """
    try:
        return _execute(api, request, exchange)
    except RecursionError:
        return _malformed("Unable to parse GraphQL query.")


def _execute(api: Api, request: Mapping[str, Any], exchange: Exchange) -> Answer:
    query, variables = request.get("query"), request.get("variables") or {}
    if not query:
        return _malformed("Invalid request, `query` can't be null.")
    if not isinstance(query, str) or not isinstance(variables, dict):
        return _malformed("Invalid JSON payload in GraphQLAuth POST request.")
    if len(query.encode()) > MAX_DOCUMENT_BYTES:
        return _malformed(f"The query is larger than {MAX_DOCUMENT_BYTES} bytes.")
    try:
        document = _parsed(query)
    except GraphQLError:
        return _malformed("Unable to parse GraphQL query.")
    operation = get_operation_ast(document, request.get("operationName"))
    if operation is None:
        return refusal(400, "BadRequestException", "The operation to run must be named by operationName.")
    is_subscription = operation.operation is OperationType.SUBSCRIPTION
    if is_subscription != exchange.realtime:
        expected = "only subscriptions" if exchange.realtime else "no subscriptions"
        return refusal(400, "UnsupportedOperation", f"This endpoint takes {expected}.")
    schema = appsync_schema(api.sdl)
    if errors := _validated(schema, query, api.record.get("introspectionConfig") != "DISABLED"):
        return Answer(200, {"data": None, "errors": errors})

    run = _Run(api, exchange, variables)
    result = execute_sync(
        schema,
        document,
        variable_values=variables,
        operation_name=request.get("operationName"),
        field_resolver=run.resolve_field,
    )
    if api.iam_allows and run.iam_decisions and not any(run.iam_decisions.values()):
        return refusal(401, "UnauthorizedException", "Permission denied")
    errors = [_execution_error(schema, error) for error in result.errors or ()] + run.appended_errors
    if is_subscription and not errors:
        name, arguments, _ = run.top_fields[0]
        exchange.subscribed = Subscribed(
            schema,
            document,
            request.get("operationName"),
            variables,
            name,
            arguments,
            exchange.caller,
            api.record["authenticationType"],
        )
    if operation.operation is OperationType.MUTATION and result.data:
        exchange.mutated = [(name, result.data[key]) for name, _, key in run.top_fields if result.data[key] is not None]
    return Answer(200, {"data": result.data, **({"errors": errors} if errors else {})})


# Clients send few different documents, and validating one of 50 mutations takes as long as running some of them.
@lru_cache(maxsize=64)
def _parsed(query: str) -> DocumentNode:
    return parse(query)


@lru_cache(maxsize=64)
def _validated(schema: GraphQLSchema, query: str, introspectable: bool) -> list[dict[str, Any]]:
    return validation_errors(schema, _parsed(query), introspectable=introspectable)


class FieldError(Exception):
    """Makes the field null and adds an error of AppSync's form."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type


def denied(info: "GraphQLResolveInfo[Any]") -> FieldError:
    """The error of a field that the caller may not read."""
    return FieldError("Unauthorized", f"Not Authorized to access {info.field_name} on type {info.parent_type.name}")


class _Run:
    """The field resolver of one request, and what it noticed on the way."""

    def __init__(self, api: Api, exchange: Exchange, variables: Mapping[str, Any]) -> None:
        self.top_fields: list[tuple[str, dict[str, Any], str]] = []  # name, arguments, key in the answer
        self.appended_errors: list[dict[str, Any]] = []
        self.iam_decisions: dict[tuple[str, str], bool] = {}
        self._api = api
        self._exchange = exchange
        self._variables = variables
        self._resolved = 0
        self._depth_limit = api.record.get("queryDepthLimit") or 0
        self._resolver_limit = api.record.get("resolverCountLimit") or MAX_RESOLVERS
        self._deadline = api.now_seconds() + MAX_REQUEST_SECONDS

    def resolve_field(self, source: Any, info: "GraphQLResolveInfo[Any]", **arguments: Any) -> Any:
        type_name, field_name = info.parent_type.name, info.field_name
        if info.path.prev is None:
            given = {node.name.value: arguments.get(node.name.value) for node in info.field_nodes[0].arguments or ()}
            self.top_fields.append((field_name, given, str(info.path.key)))
            if self._api.iam_allows:
                if (type_name, field_name) not in self.iam_decisions:
                    self.iam_decisions[type_name, field_name] = self._api.iam_allows(type_name, field_name)
                if not self.iam_decisions[type_name, field_name]:
                    raise denied(info)
        definition = info.parent_type.fields[field_name]
        if not may_access(self._exchange.caller, self._api.record["authenticationType"], info.parent_type, definition):
            raise denied(info)
        # A list adds an index to the path and no level.
        if self._depth_limit and sum(isinstance(key, str) for key in info.path.as_list()) > self._depth_limit:
            message = f"The query is nested more than {self._depth_limit} levels deep."
            raise FieldError("QueryDepthLimitReached", message)
        if not self._api.has_resolver(type_name, field_name):
            return source.get(field_name) if isinstance(source, Mapping) else None
        parent = source if isinstance(source, Mapping) else {}
        return self._resolved_value(FieldCall(type_name, field_name, arguments, parent, self._variables, []), info)

    def _resolved_value(self, call: FieldCall, info: "GraphQLResolveInfo[Any]") -> Any:
        self._resolved += 1
        if self._resolved > self._resolver_limit:
            message = f"The request invokes more than {self._resolver_limit} resolvers."
            raise FieldError("ResolverExecutionLimitReached", message)
        try:
            value = self._api.resolve(call)
        finally:
            self.appended_errors += [{**error, "path": info.path.as_list()} for error in call.appended_errors]
        if self._api.now_seconds() > self._deadline:
            raise FieldError("ExecutionTimeout", "Execution timed out.")
        if len(json.dumps(value).encode()) > MAX_RESULT_BYTES:
            raise FieldError("MappingTemplate", "Transformation too large")
        return value


def _execution_error(schema: GraphQLSchema, error: GraphQLError) -> dict[str, Any]:
    if error.path is None:
        return error_entry(error, message=variable_message(error.message))
    cause = error.original_error
    if cause is None:
        return error_entry(error, message=_null_message(schema, error), path=error.path)
    return {
        **error_entry(error, path=error.path),
        "data": getattr(cause, "data", None),
        "errorType": getattr(cause, "error_type", None) or "InternalFailure",
        "errorInfo": getattr(cause, "error_info", None),
    }


def _null_message(schema: GraphQLSchema, error: GraphQLError) -> str:
    """AppSync's wording of a null where the schema forbids one; the message ends in `Type.field.`."""
    parent, _, name = error.message.rstrip(".").rpartition(" ")[2].partition(".")
    fields = getattr(schema.type_map.get(parent), "fields", {})
    if name not in fields:
        return error.message
    type_name = str(fields[name].type).rstrip("!")
    place = "/".join(str(part) for part in error.path or ())
    return f"Cannot return null for non-nullable type: '{type_name}' within parent '{parent}' (/{place})"


def _malformed(message: str) -> Answer:
    return refusal(400, "MalformedHttpRequestException", message)
