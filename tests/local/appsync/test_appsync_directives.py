"""Callers of each mode get what AppSync's own simulator gives them: record_directives.mjs has recorded its answers.

Each answer holds the data, the errors, and the subscriptions that hear of it.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from local.appsync.authorisation import Caller, Mode
from local.appsync.execution import Api, Exchange, FieldCall, FieldError, execute
from local.appsync.schema import appsync_schema, subscribed_mutations

ASKED = json.loads(Path(__file__).with_name("appsync_directive_requests.json").read_text())
RECORDED = json.loads(Path(__file__).with_name("appsync_directives.json").read_text())


@pytest.mark.parametrize("default_mode", sorted({each["defaultMode"] for each in RECORDED}))
@pytest.mark.parametrize("query", ASKED["requests"])
def test_each_caller_gets_the_recorded_answer(default_mode: str, query: str) -> None:
    recorded = [each for each in RECORDED if (each["defaultMode"], each["query"]) == (default_mode, query)]
    assert [each["caller"] for each in recorded] == ASKED["callers"]

    found = [answer(default_mode, each["caller"], query) for each in recorded]

    assert found == [
        {"data": each["data"], "errors": in_order(each["errors"]), "published": each["published"]} for each in recorded
    ]


def answer(default_mode: str, caller: dict[str, Any], query: str) -> dict[str, Any]:
    claims = {"cognito:groups": caller["groups"]} if "groups" in caller else {}
    exchange = Exchange(Caller(Mode(caller["mode"]), claims))
    api = Api(
        record={"authenticationType": default_mode},
        sdl=ASKED["sdl"],
        has_resolver=lambda type_name, field: f"{type_name}.{field}" in ASKED["results"],
        resolve=resolved,
    )
    body = execute(api, {"query": query}, exchange).body
    subscriptions = subscribed_mutations(appsync_schema(ASKED["sdl"]))
    return {
        "data": body["data"],
        "errors": in_order(
            {
                "path": error["path"],
                "errorType": error["errorType"],
                "message": error["message"],
                "locations": [{"line": at["line"], "column": at["column"]} for at in error["locations"]],
            }
            for error in body.get("errors", [])
        ),
        "published": sorted(
            name
            for mutation, _ in exchange.mutated
            for name, mutations in subscriptions.items()
            if mutation in mutations
        ),
    }


def resolved(call: FieldCall) -> Any:
    result = ASKED["results"][f"{call.type_name}.{call.field_name}"]
    if isinstance(result, dict) and "error" in result:
        raise FieldError(result["error"]["type"], result["error"]["message"])
    return result


def in_order(errors: Any) -> list[Any]:
    return sorted(errors, key=lambda error: list(map(str, error["path"])))
