"""The fake AppSync speaks the real-time protocol as the local machine does."""

from __future__ import annotations

import pytest

from tests.contracts.realtime import CHECKS, Endpoint
from tests.fakes.appsync_server import appsync_server
from tests.fakes.cognito import USER_ID


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_it_speaks_the_protocol(check):
    async with appsync_server() as server:
        await check(Endpoint(server.url, server.url.replace("http", "ws"), USER_ID, server.token))
