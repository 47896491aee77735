"""The local machine speaks AppSync's real-time protocol as the clients' fake does."""

from __future__ import annotations

import pytest

from tests.contracts.realtime import CHECKS, Endpoint


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_it_speaks_the_protocol(check, stack, alice):
    outputs = stack.state.outputs
    await check(Endpoint(outputs["graphql_url"], outputs["realtime_url"], alice.user.user_id, alice.id_token))
