"""A result that is too large for its record is fetched by its link, and by nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from runcast.client import fetch
from runcast.client.fetch import fetch_result
from runcast.client.job import ResultLink
from runcast.errors import InvalidInput, Unavailable

SIGNED = "/results/j-1.json?X-Amz-Credential=a%2Fb%2Fs3&X-Amz-Signature=5ec2e7"
EXPIRED = "The link to the result has expired. Read the job's record again for a new one."


@dataclass
class Bucket:
    """Returns the answers that a test sets, and records the requests."""

    url: str = ""
    status: int = 200
    body: bytes = b'{"summary": "Build it."}'
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append((request.raw_path, request.headers.get("Authorization")))
        return web.Response(status=self.status, body=self.body, headers=self.headers)


@asynccontextmanager
async def served(bucket: Bucket) -> AsyncIterator[ResultLink]:
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", bucket.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        bucket.url = f"http://127.0.0.1:{runner.addresses[0][1]}{SIGNED}"
        yield ResultLink(bucket.url, 0)
    finally:
        await runner.cleanup()


async def test_a_result_is_fetched_by_the_very_link_and_without_a_token():
    bucket = Bucket()
    async with served(bucket) as link:
        assert await fetch_result(link) == {"summary": "Build it."}
    assert bucket.asked == [(SIGNED, None)]


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        ({"status": 403}, InvalidInput, EXPIRED),
        ({"status": 404}, InvalidInput, EXPIRED),
        ({"body": b"<html>"}, InvalidInput, "The content of the link to the result is not JSON."),
        ({"body": b"\xff"}, InvalidInput, "The content of the link to the result is not JSON."),
        ({"body": b" " * 101}, InvalidInput, "The result is larger than 100 bytes; it is not read."),
        ({"status": 503}, Unavailable, "HTTP status 503"),
        ({"status": 302, "headers": {"Location": "http://127.0.0.1:9/"}}, Unavailable, "HTTP status 302"),
    ],
)
async def test_what_is_no_result_is_refused(monkeypatch: pytest.MonkeyPatch, answer, kind, said: str):
    monkeypatch.setattr(fetch, "_RESULT_MAX_BYTES", 100)
    bucket = Bucket(**answer)
    async with served(bucket) as link:
        with pytest.raises(kind) as caught:
            await fetch_result(link)
    assert str(caught.value).endswith(said)
    assert len(bucket.asked) == 1


@pytest.mark.parametrize("url", ["http://example.com/x", "ftp://127.0.0.1/x", "file:///etc/passwd", ""])
async def test_an_address_that_is_not_safe_is_not_asked(url: str):
    with pytest.raises(InvalidInput, match="does not begin with https://; it is not followed"):
        await fetch_result(ResultLink(url, 0))


async def test_nobody_there_is_said():
    with pytest.raises(Unavailable, match=r"^127\.0\.0\.1:9 did not give the result: "):
        await fetch_result(ResultLink("http://127.0.0.1:9/x", 0))
