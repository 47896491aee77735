"""A payload that is read off the event equals the payload that an execution of the document gives."""

from typing import Any

import pytest
from graphql import parse

from local.appsync.authorisation import Caller, Mode
from local.appsync.execution import Subscribed
from local.appsync.schema import appsync_schema
from local.appsync.subscriptions import Subscription, _executed, _payload

SCHEMA = appsync_schema("""
type Query { one: Update }
type Mutation { publish: Update @aws_iam }
type Subscription { onUpdate: Update @aws_subscribe(mutations: ["publish"]) }
type Update @aws_iam @aws_cognito_user_pools {
  id: ID!
  text: String
  count: Int
  data: Float!
  tags: [String]
  secret: String @aws_iam
}
""")
EVENT = {"id": 7, "text": "a", "count": 3, "data": 1.5, "tags": ["x"], "secret": "s"}


def subscription(selection: str) -> Subscription:
    document = parse(f"subscription {{ {selection} }}")
    caller = Caller(Mode.COGNITO, {"sub": "ana"})
    request = Subscribed(SCHEMA, document, None, {}, "onUpdate", {}, caller, "AMAZON_COGNITO_USER_POOLS")
    return Subscription("api", request, lambda _: None)


@pytest.mark.parametrize(
    ("selection", "is_plain"),
    [
        ("onUpdate { id text count data }", True),
        ("mine: onUpdate { key: id text }", True),
        ("onUpdate { id __typename }", False),
        ("onUpdate { id tags }", False),
        ("onUpdate { id secret }", False),
        ("onUpdate { id text @skip(if: true) }", False),
        ("onUpdate { id ... { text } }", False),
    ],
)
@pytest.mark.parametrize("change", [{}, {"text": None}, {"id": None}, {"data": None}, {"count": "many"}, {"text": 5}])
def test_the_payload_is_the_executions(selection: str, is_plain: bool, change: dict[str, Any]) -> None:
    watching = subscription(selection)
    assert (watching.selection is not None) == is_plain
    assert _payload(watching, EVENT | change) == _executed(watching.request, EVENT | change)
