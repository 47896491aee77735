"""Fetches a job's result that is too large for its record, from the short-lived link in the record.

The link itself grants access, so the client sends no token with it and follows no redirects.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from runcast.client.config import is_safe
from runcast.client.job import ResultLink
from runcast.errors import InvalidInput, Unavailable

_TIMEOUT_SECONDS = 30
# More than any job saves, so a larger answer is not a job's result.
_RESULT_MAX_BYTES = 2 * 1024 * 1024


async def fetch_result(link: ResultLink) -> Any:
    """Return the result, JSON.

    Raises:
        InvalidInput: The link has expired, or it is not a link to a result.
        Unavailable: No answer, or a failure.
    """
    if not is_safe(link.url):
        raise InvalidInput("The link to the result does not begin with https://; it is not followed.")
    host = urlsplit(link.url).netloc
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS), trust_env=True) as session,
            session.get(URL(link.url, encoded=True), allow_redirects=False) as response,
        ):
            return _result(response.status, await _bounded(response), host)
    except (TimeoutError, aiohttp.ClientError) as error:
        raise Unavailable(f"{host} did not give the result: {str(error) or type(error).__name__}") from error


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for part in response.content.iter_any():
        body += part
        if len(body) > _RESULT_MAX_BYTES:
            raise InvalidInput(f"The result is larger than {_RESULT_MAX_BYTES} bytes; it is not read.")
    return bytes(body)


def _result(status: int, body: bytes, host: str) -> Any:
    if status in (403, 404):
        # S3 answers 403 if the link has expired or the object is gone.
        raise InvalidInput("The link to the result has expired. Read the job's record again for a new one.")
    if status != 200:
        raise Unavailable(f"{host} did not give the result: HTTP status {status}")
    try:
        return json.loads(body)
    except ValueError as error:
        raise InvalidInput("The content of the link to the result is not JSON.") from error
