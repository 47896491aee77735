"""Has AppSync verify the token of a REST request, in a deployment with an OpenID Connect provider.

API Gateway's authorizer takes tokens of a user pool only, and a second verifier here could disagree with AppSync about
a token (decision 0025). AppSync answers the query `me` with the claims that it has verified.
"""

from __future__ import annotations

import json
import logging
import re
from functools import cache
from typing import Any, cast

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from chalicelib.publisher.traced_session import TracedSession
from chalicelib.runtime import clients
from runcast.errors import Unauthorized, Unavailable
from runcast.record.model import Json

logger = logging.getLogger(__name__)

ME = "query Me { me { authType claims } }"
# Only the token is passed on: neither a signature nor an API key can ask for its owner. AppSync refuses the prefix
# `Bearer `, which API Gateway's authorizer takes.
# Source: https://repost.aws/knowledge-center/aws-appsync-graphql-request-unauth-error
_TOKEN = re.compile(r"(?:Bearer )?([\w-]+\.[\w-]+\.[\w-]+)", re.ASCII | re.IGNORECASE)
# AppSync may first have to fetch the provider's keys. Two attempts end before the function's 15 s.
_TIMEOUTS_SECONDS = (1.0, 5.0)


def verified_token(authorization: str, graphql_url: str) -> tuple[str, Json]:
    """Return how AppSync authorizes a caller with this token (`util.authType()`), and the token's claims.

    Args:
        authorization: The header `Authorization` of the request.
        graphql_url: This deployment's own GraphQL endpoint, the only place that gets the token.

    Raises:
        Unauthorized: It is not a token, or AppSync refuses it.
        Unavailable: AppSync did not answer in time, or failed.
    """
    match = _TOKEN.fullmatch(authorization)
    if match is None:
        raise Unauthorized("Send a valid ID token as the header Authorization.")
    try:
        response = _session().post(
            graphql_url,
            data=json.dumps({"query": ME}),
            headers={"Authorization": match[1], "Content-Type": "application/json"},
            timeout=_TIMEOUTS_SECONDS,
            allow_redirects=False,
        )
        answer = response.json()
    except requests.RequestException as error:
        raise Unavailable("The token could not be verified now. Try again.") from error
    if response.status_code == 401:
        raise Unauthorized("The token is expired, or not one of this system's client. Sign in again.")
    verified = _verified(answer)
    if verified is None:
        logger.warning("AppSync did not verify a token: HTTP %s", response.status_code)
        raise Unavailable("The token could not be verified now. Try again.")
    return verified


@cache
def _session() -> TracedSession:
    session = TracedSession(clients.tracer())
    # A connection that was idle while Lambda froze the process may be closed. An answer is final: `Retry` would sleep
    # for as long as its header Retry-After says.
    retries = Retry(1, allowed_methods=None, respect_retry_after_header=False)
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(max_retries=retries))
    return session


def _verified(answer: Any) -> tuple[str, Json] | None:
    try:
        me = answer["data"]["me"]
        return str(me["authType"]), cast("Json", json.loads(me["claims"]))
    except (KeyError, TypeError, ValueError):
        return None
