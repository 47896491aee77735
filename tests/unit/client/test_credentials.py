"""A token is renewed before it expires and when it is refused, once for everybody, and never shown to anyone."""

from __future__ import annotations

import asyncio
import logging

import pytest

from runcast.client.client import Client
from runcast.client.credentials import Credentials
from runcast.client.sign_in import Identity
from runcast.errors import Unauthorized, Unavailable
from tests.contracts.watching_client import check_each_step_once, follow
from tests.fakes.appsync import FakeAppSync
from tests.fakes.cognito import TOKEN_LIFETIME_SECONDS
from tests.unit.client.conftest import REQUEST_ID, SOON_SECONDS, patient
from tests.unit.conftest import Clock

NEARLY_EXPIRED_MS = (TOKEN_LIFETIME_SECONDS - 200) * 1000
SIGNED_IN, REFRESHED = "USER_PASSWORD_AUTH", "REFRESH_TOKEN_AUTH"


@pytest.mark.parametrize("patience", [patient(backstop=SOON_SECONDS)])
@pytest.mark.parametrize(("refuse_refresh", "renewed_by"), [(False, [REFRESHED]), (True, [REFRESHED, SIGNED_IN])])
async def test_a_token_that_expires_is_renewed_and_the_live_connection_with_it(
    server: FakeAppSync, client: Client, notices: list[str], clock: Clock, refuse_refresh: bool, renewed_by: list[str]
):
    async def script(server: FakeAppSync) -> None:
        await server.send(server.record("init"))
        server.refuse_refresh = refuse_refresh
        server.replace_token()
        clock.now_ms += NEARLY_EXPIRED_MS
        await server.until(lambda: server.subscriptions == 2)
        await server.send(server.record("thinking"), server.end())

    server.script = script

    steps, outcome = await follow(client.run("terrain", "Where?"))

    check_each_step_once(steps, outcome)
    assert (outcome.status, outcome.received_live) == ("complete", 3)
    assert server.auth_flows == [SIGNED_IN, *renewed_by]
    assert notices == []


async def test_a_token_that_is_refused_before_its_time_is_renewed(server: FakeAppSync, client: Client):
    server.has_run(REQUEST_ID)
    server.refused_requests = 1

    progress = await client.show(REQUEST_ID)

    assert progress.whole
    assert server.auth_flows == [SIGNED_IN, REFRESHED]


async def test_one_renewal_serves_everybody(server: FakeAppSync, client: Client):
    server.has_run(REQUEST_ID)
    server.replace_token()

    await asyncio.gather(*[client.show(REQUEST_ID) for _ in range(5)])

    assert server.auth_flows == [SIGNED_IN, REFRESHED]


async def test_a_token_that_is_refused_again_ends_it(server: FakeAppSync, client: Client):
    server.refused_requests = 2

    with pytest.raises(Unauthorized, match="Valid authorization header not provided"):
        await client.show(REQUEST_ID)

    assert server.auth_flows == [SIGNED_IN, REFRESHED]


@pytest.mark.parametrize("patience", [patient(backstop=SOON_SECONDS)])
async def test_a_refused_renewal_ends_the_watch_and_says_what_to_do(
    server: FakeAppSync, client: Client, notices: list[str], caplog: pytest.LogCaptureFixture
):
    async def script(server: FakeAppSync) -> None:
        await server.send(server.record("init"))
        server.refuse_refresh, server.password = True, "changed"
        server.replace_token()
        server.drop()

    server.script = script
    old_token = server.token

    with caplog.at_level(logging.INFO), pytest.raises(Unauthorized) as caught:
        await follow(client.run("terrain", "Where?"))

    assert str(caught.value) == (
        "Your sign-in has expired and was not renewed. Signing in as 'alice' was refused: Incorrect username or"
        " password. Check RUNCAST_USERNAME and RUNCAST_PASSWORD. Sign in again."
    )
    said = "\n".join([*notices, caplog.text, str(caught.value)])
    assert said
    assert old_token not in said
    assert server.token not in said


class Cognito:
    """Renews when told to, and counts."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.asked = 0

    async def renew(self, identity: Identity) -> Identity:
        self.asked += 1
        await asyncio.sleep(0)
        if self.error:
            raise self.error
        return identity_of(f"token {self.asked}")


def identity_of(token: str) -> Identity:
    return Identity("user-1", token, lifetime_seconds=3600, refresh_token=None)


async def test_is_renewed_shortly_before_it_expires_and_then_kept(clock: Clock):
    cognito, first = Cognito(), identity_of("token 0")
    credentials = Credentials(first, cognito.renew, now_ms=clock)

    clock.now_ms += 3_299_999
    assert await credentials.valid() is first
    clock.now_ms += 1
    renewed = await asyncio.gather(*[credentials.valid() for _ in range(3)])
    clock.now_ms += 3_299_999
    again = await credentials.valid()

    assert {identity.id_token for identity in (*renewed, again)} == {"token 1"}


async def test_while_cognito_is_away_a_token_serves_until_it_expires(clock: Clock):
    cognito, first = Cognito(), identity_of("token 0")
    credentials = Credentials(first, cognito.renew, now_ms=clock)
    cognito.error = Unavailable("Not now.")

    clock.now_ms += 3_300_000
    for _ in range(10):
        assert await credentials.valid() is first
    assert cognito.asked == 1, "it is not asked again at once"
    clock.now_ms += 300_000
    with pytest.raises(Unavailable, match=r"^Not now\.$"):
        await credentials.valid()
    cognito.error = None
    assert (await credentials.valid()).id_token == "token 3"


async def test_whoever_waits_for_a_change_is_told(clock: Clock):
    cognito, first = Cognito(), identity_of("token 0")
    credentials = Credentials(first, cognito.renew, now_ms=clock)
    waiting = asyncio.create_task(credentials.changed_from(first))
    await asyncio.sleep(0)
    assert not waiting.done()

    second = await credentials.instead_of(first)
    assert await credentials.instead_of(first) is second, "somebody else has renewed it already"
    async with asyncio.timeout(10):
        await waiting

    assert cognito.asked == 1
