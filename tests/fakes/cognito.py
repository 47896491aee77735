"""Cognito's sign-in with one user, whose tokens a test replaces or refuses."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.appsync_records import BEGAN_MS

USER_ID, USERNAME, PASSWORD, APP_CLIENT_ID = "user-1", "alice", "correct horse", "appclient"
TOKEN_LIFETIME_SECONDS = 3600


def _part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def id_token(number: int) -> str:
    """The user's n-th ID token, which lives for an hour as Cognito's do."""
    issued = BEGAN_MS // 1000 + number
    claims = {"sub": USER_ID, "token_use": "id", "iat": issued, "exp": issued + TOKEN_LIFETIME_SECONDS}
    return ".".join([_part({"alg": "none"}), _part(claims), "signature"])


ID_TOKEN, REFRESH_TOKEN = id_token(0), "refresh-token"


@dataclass
class FakeCognito:
    """A user pool with one user.

    Attributes:
        refuse_refresh: Whether refresh tokens are refused.
        password: What signs the user in.
        auth_flows: How a token was asked for, each time.
        token: The one ID token that is accepted now. Each sign-in and refresh returns it.
    """

    refuse_refresh: bool = False
    password: str = PASSWORD
    auth_flows: list[str] = field(default_factory=list)
    token: str = ID_TOKEN
    _tokens: int = 0

    def replace_token(self) -> None:
        """Accept only another ID token from now on. Open connections stay open."""
        self._tokens += 1
        self.token = id_token(self._tokens)

    def authenticate(self, asked: dict[str, Any]) -> web.Response:
        """Sign in, or refresh a token."""
        flow, given = asked["AuthFlow"], asked["AuthParameters"]
        self.auth_flows.append(flow)
        if asked["ClientId"] != APP_CLIENT_ID:
            kind = "ResourceNotFoundException"
            return _error(kind, f"User pool client {asked['ClientId']} does not exist.")
        tokens = {"IdToken": self.token, "AccessToken": "another", "ExpiresIn": TOKEN_LIFETIME_SECONDS}
        if flow == "REFRESH_TOKEN_AUTH":
            if self.refuse_refresh or given["REFRESH_TOKEN"] != REFRESH_TOKEN:
                return _error("NotAuthorizedException", "Refresh Token has expired")
            return amz_json({"AuthenticationResult": tokens})
        if (given["USERNAME"], given["PASSWORD"]) != (USERNAME, self.password):
            return _error("NotAuthorizedException", "Incorrect username or password.")
        return amz_json({"AuthenticationResult": {**tokens, "RefreshToken": REFRESH_TOKEN}})


def _error(kind: str, message: str) -> web.Response:
    return amz_json({"__type": kind, "message": message}, status=400)


def amz_json(answer: dict[str, Any], status: int = 200) -> web.Response:
    """An answer as AWS's JSON services give it."""
    return web.json_response(answer, status=status, content_type="application/x-amz-json-1.1")
