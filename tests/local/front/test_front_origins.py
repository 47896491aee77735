"""No page of a stranger may use the emulated AWS, whose key everybody knows."""

import pytest
import requests

from local.front.origins import from_a_foreign_page
from tests.local.front.appsync_api import Aws


def scope(path="/2015-03-31/functions", kind="http", **headers):
    return {
        "type": kind,
        "path": path,
        "headers": [(name.encode(), value.encode()) for name, value in ({"host": "127.0.0.1:4566"} | headers).items()],
    }


@pytest.mark.parametrize(
    "asked",
    [
        scope(origin="https://evil.example"),
        scope(origin="http://127.0.0.1.evil.example"),
        scope(origin="null"),
        scope(host="evil.example:4566"),
        scope("/v1/apis/x/graphql", host="evil.example:4566"),
        scope("/v1/apis/x", origin="https://evil.example"),
        scope("/", kind="websocket", origin="https://evil.example"),
    ],
)
def test_strangers(asked):
    assert from_a_foreign_page(asked)


@pytest.mark.parametrize(
    "asked",
    [
        scope(),
        scope(origin="http://localhost:3000"),
        scope(origin="http://[::1]:3000", host="localhost:4566"),
        scope("/v1/apis/x/graphql", origin="https://app.example.com"),
        scope("/v1/apis/x/graphql/realtime", kind="websocket", origin="https://app.example.com"),
        scope("/restapis/a/v1/_user_request_/runs", origin="https://app.example.com"),
        {"type": "lifespan"},
    ],
)
def test_everybody_else(asked):
    assert not from_a_foreign_page(asked)


def test_a_stranger_is_not_even_told_what_would_be_allowed(aws: Aws):
    answer = requests.options(
        f"{aws.url}/2015-03-31/functions",
        headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"},
        timeout=5,
    )
    assert answer.status_code == 403
