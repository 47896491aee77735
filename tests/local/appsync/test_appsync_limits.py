"""AppSync's limits: what is just allowed, what is just over it, and the error."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from local.appsync import limits
from local.appsync.authorisation import Caller, Mode
from local.appsync.execution import Api, Exchange, FieldCall, execute
from local.appsync.filters import FilterInvalid, check_server_filter
from local.appsync.limits import MAX_DOCUMENT_BYTES, MAX_RESOLVERS, MAX_RESULT_BYTES, MAX_SUBSCRIPTIONS
from tests.local.appsync_api import Aws, GraphqlApi, RealtimeClient, create_api

SDL = """
type Query { level: Level levels: [Level] strict: Strict text(chars: Int, seconds: Int): String }
type Level { name: String next: Level list: [Level] }
type Strict { next: Strict! name: String! }
"""
TREE: dict[str, Any] = {"name": "top", "next": {"name": "below"}, "list": [{"name": "in a list"}]}
STRICT: dict[str, Any] = {"name": "top", "next": {"name": "below", "next": {"name": "lowest"}}}


class Resolvers:
    """Resolvers whose texts have the length, and take the time, that a query asks for."""

    def __init__(self) -> None:
        self.now_seconds = 0.0

    def resolve(self, call: FieldCall) -> Any:
        self.now_seconds += call.arguments.get("seconds", 0)
        values = {"level": TREE, "levels": [TREE], "strict": STRICT}
        return values.get(call.field_name, "x" * call.arguments.get("chars", 1))


def answer(query: str, **record: Any) -> tuple[Any, list[tuple[str | None, list[Any] | None]]]:
    """Returns the answer's data, and the type and path of each error."""
    resolvers = Resolvers()
    api = Api(
        record={"authenticationType": "API_KEY", **record},
        sdl=SDL,
        has_resolver=lambda type_name, _: type_name == "Query",
        resolve=resolvers.resolve,
        now_seconds=lambda: resolvers.now_seconds,
    )
    body = execute(api, {"query": query}, Exchange(Caller(Mode.API_KEY))).body
    return body.get("data"), [(error.get("errorType"), error.get("path")) for error in body.get("errors", [])]


@pytest.mark.parametrize(
    ("query", "record", "data", "errors"),
    [
        pytest.param(
            "{ level { next { name } } }",
            {"queryDepthLimit": 3},
            {"level": {"next": {"name": "below"}}},
            [],
            id="the deepest query",
        ),
        pytest.param(
            "{ level { name next { name } } }",
            {"queryDepthLimit": 2},
            {"level": {"name": "top", "next": {"name": None}}},
            [("QueryDepthLimitReached", ["level", "next", "name"])],
            id="one level too deep: the rest is answered",
        ),
        pytest.param(
            "{ levels { list { name } } }",
            {"queryDepthLimit": 3},
            {"levels": [{"list": [{"name": "in a list"}]}]},
            [],
            id="a list is no level",
        ),
        pytest.param(
            "{ strict { ...S } } fragment S on Strict { next { next { name } } }",
            {"queryDepthLimit": 3},
            {"strict": None},
            [("QueryDepthLimitReached", ["strict", "next", "next", "name"])],
            id="too deep in a fragment, where null is forbidden",
        ),
        pytest.param(
            "{ a: text b: text c: text }",
            {"resolverCountLimit": 2},
            {"a": "x", "b": "x", "c": None},
            [("ResolverExecutionLimitReached", ["c"])],
            id="each alias is a resolver",
        ),
        pytest.param("{ a: text(seconds: 30) }", {}, {"a": "x"}, [], id="the longest request"),
        pytest.param(
            "{ a: text(seconds: 20) b: text(seconds: 11) }",
            {},
            {"a": "x", "b": None},
            [("ExecutionTimeout", ["b"])],
            id="a request that takes too long",
        ),
        pytest.param(
            f"{{ text(chars: {MAX_RESULT_BYTES - 1}) }}",
            {},
            {"text": None},
            [("MappingTemplate", ["text"])],
            id="a result that is too large",
        ),
        pytest.param(
            "{ __schema { types { name } } }",
            {"introspectionConfig": "DISABLED"},
            None,
            [(None, None), (None, None)],
            id="introspection",
        ),
        pytest.param(
            "{ __typename level { __typename } }",
            {"introspectionConfig": "DISABLED"},
            {"__typename": "Query", "level": {"__typename": "Level"}},
            [],
            id="__typename is no introspection",
        ),
        pytest.param("{ text }".ljust(MAX_DOCUMENT_BYTES), {}, {"text": "x"}, [], id="the largest document"),
        pytest.param(
            "{ text } #é".ljust(MAX_DOCUMENT_BYTES),
            {},
            None,
            [("MalformedHttpRequestException", None)],
            id="a document that is too large in bytes",
        ),
    ],
)
def test_a_request(query: str, record: dict[str, Any], data: Any, errors: list[Any]) -> None:
    assert answer(query, **record) == (data, errors)


def test_the_largest_result() -> None:
    data, errors = answer(f"{{ text(chars: {MAX_RESULT_BYTES - 2}) }}")
    assert (len(data["text"]), errors) == (MAX_RESULT_BYTES - 2, [])


def test_the_most_resolvers() -> None:
    aliases = " ".join(f"a{number}: text" for number in range(MAX_RESOLVERS + 1))
    data, errors = answer(f"{{ {aliases} }}")
    assert errors == [("ResolverExecutionLimitReached", [f"a{MAX_RESOLVERS}"])]
    assert list(data.values()).count("x") == MAX_RESOLVERS


def test_a_hidden_schema_is_answered_like_unknown_fields() -> None:
    api = Api(
        record={"authenticationType": "API_KEY", "introspectionConfig": "DISABLED"},
        sdl=SDL,
        has_resolver=lambda *_: False,
        resolve=lambda _: None,
    )
    query = '{ __type(name: "Level") { name } }'
    [error] = execute(api, {"query": query}, Exchange(Caller(Mode.API_KEY))).body["errors"]
    assert error["message"] == (
        "Validation error of type FieldUndefined: Field 'name' in type '__Type' is undefined @ '__type/name'"
    )


@pytest.mark.parametrize(
    ("field_name", "operator", "values"),
    [
        *(("f", operator, most) for operator, most in limits.MAX_FILTER_VALUES.items()),
        ("a.b.c.d.e", "in", 1),
        ("f" * limits.MAX_FILTER_FIELD_CHARS, "in", 1),
    ],
)
def test_a_subscription_filter(field_name: str, operator: str, values: int) -> None:
    def set_filter(name: str, count: int) -> None:
        rule = {"fieldName": name, "operator": operator, "value": list(range(count))}
        check_server_filter({"filterGroup": [{"filters": [rule]}]})

    set_filter(field_name, values)
    over = (field_name, values + 1) if values > 1 else (f"{field_name}.f", values)
    with pytest.raises(FilterInvalid):
        set_filter(*over)


def test_the_most_subscriptions_of_a_connection(api: GraphqlApi, dial: Callable[..., RealtimeClient]) -> None:
    client = dial(api.ada)
    ids = map(str, itertools.count())
    kinds = [client.start("subscription { onAny { status } }", frame_id=next(ids)) for _ in range(MAX_SUBSCRIPTIONS)]
    assert {frame["type"] for frame in kinds} == {"start_ack"}

    [error] = client.start("subscription { onAny { status } }", frame_id=next(ids))["payload"]["errors"]
    assert error["errorType"] == "MaxSubscriptionsReachedError"

    client.send({"type": "stop", "id": "0"})
    assert client.next() == {"type": "complete", "id": "0"}
    assert client.start("subscription { onAny { status } }", frame_id=next(ids))["type"] == "start_ack"


def test_the_limits_of_an_api_reach_its_requests(aws: Aws) -> None:
    limited = create_api(aws, "limits", queryDepthLimit=2, resolverCountLimit=2, introspectionConfig="DISABLED")

    def errors(query: str) -> list[str]:
        body = limited.post(query, authorization=limited.ada.id_token).json()
        return [error.get("errorType") or error["message"].split(":")[0] for error in body["errors"]]

    assert errors("{ level { next { name } } }") == ["QueryDepthLimitReached"]
    assert errors("{ a: level { name } b: level { name } c: level { name } }") == ["ResolverExecutionLimitReached"]
    assert errors("{ __schema { description } }") == ["Validation error of type FieldUndefined"]

    kept = aws.client("appsync").get_graphql_api(apiId=limited.api_id)["graphqlApi"]
    given = {name: kept[name] for name in ("name", "authenticationType", "userPoolConfig")}
    aws.client("appsync").update_graphql_api(apiId=limited.api_id, **given, queryDepthLimit=1)
    assert errors("{ level { name } }") == ["QueryDepthLimitReached"]
