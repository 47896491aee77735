"""The identities that the matrices of isolation try, and how each asks the APIs."""

from __future__ import annotations

import base64
import uuid
from typing import Any

import requests

from local.stack import LocalStack
from local.users import create_user
from tests.e2e.conftest import DEADLINE_SECONDS, OPERATIONS, Caller
from tests.e2e.test_bad_input import forged

NOBODYS = "00000000-0000-4000-8000-000000000000"
"""An id that nobody has."""


def rows(table: str, titles: list[str]) -> dict[str, dict[str, str]]:
    """Parse a table: columns begin where their titles do. A table may lack some of the titles."""
    head, *lines = table.strip().splitlines()
    begins = [head.index(title) for title in titles if title in head]
    cells = [[line[a:b].strip() for a, b in zip(begins, [*begins[1:], None], strict=True)] for line in (head, *lines)]
    return {name: dict(zip(cells[0][1:], row, strict=True)) for name, *row in cells[1:]}


def headers_of_identities(stack: LocalStack, alice: Caller, suffix: str = "") -> dict[str, dict[str, str]]:
    """Create the users and return the headers of each identity. The suffix makes the users' names unique."""
    cognito, outputs = stack.client("cognito-idp"), stack.state.outputs
    pool = outputs["user_pool_id"]

    def token(name: str, tenant: str) -> str:
        user = create_user(cognito, pool, name + suffix, tenant, "Aa1!" + uuid.uuid4().hex)
        return Caller(stack, user).id_token

    other_client = cognito.create_user_pool_client(
        UserPoolId=pool, ClientName=f"other{suffix}", ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"]
    )["UserPoolClient"]["ClientId"]
    no_algorithm = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').decode().rstrip("=")
    tokens = {
        "alice": alice.id_token,
        "colleague of the same tenant": token("charlie", alice.user.tenant),
        "user of another tenant": token("dave", "globex"),
        "user without a tenant": token("erin", ""),
        "tenant named as alice": token("frank", alice.user.user_id),
        "# in the tenant": token("grace", f"{alice.user.tenant}#{alice.user.user_id}"),
        "alice's access token": alice.access_token,
        "token of another client": alice.sign_in(other_client)["IdToken"],
        "forged token": forged(alice.id_token),
        "unsigned token": f"{no_algorithm}.{alice.id_token.split('.')[1]}.",
    }
    others = {"API key of another API": {"x-api-key": "da2-abcdefghijklmnopqrstuvwxyz"}, "nobody": {}}
    return {name: {"Authorization": each} for name, each in tokens.items()} | others


class Graphql:
    """Sends the documents in `graphql/operations` as one identity."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        self._url = url
        self._headers = headers

    def ask(self, name: str, /, **variables: Any) -> Any:
        """Return the answer, or the status or the error's type."""
        answer = self.refused_or_answered(name, **variables)
        return answer[0] if isinstance(answer, tuple) else answer

    def refused_or_answered(self, name: str, /, **variables: Any) -> Any:
        """Return the answer, or the status or the error's type with the message."""
        body = {"query": (OPERATIONS / f"{name}.graphql").read_text(), "variables": variables}
        response = requests.post(self._url, json=body, headers=self._headers, timeout=DEADLINE_SECONDS)
        if response.status_code != 200:
            return str(response.status_code), ""
        answer = response.json()
        [error] = answer.get("errors") or [None]
        return (error["errorType"], error["message"]) if error else answer["data"][name]


class Rest:
    """Sends requests to the REST API as one identity."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        self._url = url
        self._headers = headers

    def ask(self, method: str, path: str, **request: Any) -> Any:
        """Return the body, or the status or the error's type."""
        answer = self.refused_or_answered(method, path, **request)
        return answer[0] if isinstance(answer, tuple) else answer

    def refused_or_answered(self, method: str, path: str, **request: Any) -> Any:
        """Return the body, or the status or the error's type with the message."""
        response = requests.request(
            method, self._url + path, headers=self._headers, timeout=DEADLINE_SECONDS, **request
        )
        body = response.json()
        if isinstance(body.get("error"), dict):
            error = body["error"]
            return str(response.status_code) if response.status_code == 401 else error["type"], error["message"]
        return body
