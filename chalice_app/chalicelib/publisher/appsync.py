"""Sends messages to AppSync: one signed HTTP request for each batch, one aliased mutation for each message.

The mutation selects every field of `StatusUpdate`, because subscribers receive only the selected fields. It aliases no
field, because AppSync does not deliver aliased fields to subscribers.
Source: https://docs.aws.amazon.com/appsync/latest/devguide/aws-appsync-real-time-data.html
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import requests
from requests_aws4auth import AWS4Auth

from runcast.json_text import json_text
from runcast.record.model import Json

if TYPE_CHECKING:
    from botocore.credentials import Credentials

logger = logging.getLogger(__name__)

_FIELDS = (
    "userId", "tenantId", "jobId", "requestId", "agentName", "toolName", "status", "message", "timestamp", "metadata",
    "seq", "schemaVersion",
)  # fmt: skip

_CONNECT_TIMEOUT_SECONDS = 1.0
_READ_TIMEOUT_SECONDS = 5.0
_REASON_MAX_CHARACTERS = 300


class AppSync:
    """Sends status messages as the mutation `publishStatus`.

    Args:
        url: The API's GraphQL endpoint.
        region: The API's region.
        credentials: The credentials to sign with; they may refresh themselves.
        session: Keeps the connection between invocations.
        mutations_per_request: The number of messages in one HTTP request.
    """

    def __init__(
        self,
        url: str,
        *,
        region: str,
        credentials: Credentials,
        session: requests.Session,
        mutations_per_request: int,
    ) -> None:
        self._url = url
        self._auth = AWS4Auth(refreshable_credentials=credentials, region=region, service="appsync")
        self._session = session
        self._mutations_per_request = mutations_per_request

    def publish(self, messages: Sequence[Json]) -> int:
        """Send the messages in order; log each rejected message with the reason.

        Stops after a request without a response, because later requests would only wait as long.

        Args:
            messages: Each a `PublishStatusInput`.

        Returns:
            The number of messages that AppSync accepted.
        """
        published = 0
        for first in range(0, len(messages), self._mutations_per_request):
            batch = messages[first : first + self._mutations_per_request]
            try:
                failures = self._send(batch)
            except requests.RequestException as error:
                logger.warning("AppSync did not accept %d messages: %s", len(messages) - first, error)
                break
            for alias, reason in failures.items():
                logger.warning("AppSync rejected message %s of %d: %s", alias, len(batch), reason)
            published += len(batch) - len(failures)
        return published

    def _send(self, batch: Sequence[Json]) -> dict[str, str]:
        """Send one batch; return the rejection reasons by alias."""
        variables = {f"m{index}": message for index, message in enumerate(batch)}
        response = self._session.post(
            self._url,
            data=json_text({"query": _document(variables), "variables": variables}).encode(),
            headers={"Content-Type": "application/json"},
            auth=self._auth,
            timeout=(_CONNECT_TIMEOUT_SECONDS, _READ_TIMEOUT_SECONDS),
            allow_redirects=False,
        )
        try:
            answer = response.json()
        except requests.JSONDecodeError:
            answer = None
        if not isinstance(answer, dict):
            return dict.fromkeys(variables, f"HTTP {response.status_code}: {response.text[:_REASON_MAX_CHARACTERS]}")
        return dict(_failures(answer, list(variables)))


def _document(aliases: Sequence[str] | dict[str, Json]) -> str:
    parameters = ", ".join(f"${alias}: PublishStatusInput!" for alias in aliases)
    mutations = " ".join(f"{alias}: publishStatus(input: ${alias}) {{ {' '.join(_FIELDS)} }}" for alias in aliases)
    return f"mutation PublishStatus({parameters}) {{ {mutations} }}"


def _failures(answer: dict[str, Any], aliases: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the alias and the reason of each rejected message; even HTTP 200 may contain errors for some messages."""
    data = answer.get("data") or {}
    errors = answer.get("errors") or []
    reasons = {str(error["path"][0]): _reason(error) for error in reversed(errors) if error.get("path")}
    general = next((_reason(error) for error in errors if not error.get("path")), "AppSync answered null.")
    for alias in aliases:
        if alias in reasons or data.get(alias) is None:
            yield alias, reasons.get(alias, general)


def _reason(error: dict[str, Any]) -> str:
    return f"{error.get('errorType') or 'error'}: {error.get('message')}"[:_REASON_MAX_CHARACTERS]
