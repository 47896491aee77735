"""Ages and lifetimes count from the server's time, however wrong this machine's clock is."""

from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runcast.client.adjusted_clock import AdjustedClock
from runcast.client.client import Client, connect
from runcast.client.config import ClientConfig
from runcast.client.credentials import Credentials
from runcast.client.sign_in import Identity
from tests.fakes.appsync import FakeAppSync
from tests.fakes.cognito import TOKEN_LIFETIME_SECONDS
from tests.unit.client.conftest import REQUEST_ID
from tests.unit.conftest import START_MS, Clock

HOUR_MS = 3_600_000


def date(now_ms: int) -> str:
    return formatdate(now_ms / 1000, usegmt=True)


@given(
    st.integers(-(10**11), 10**11),
    st.lists(st.tuples(st.integers(0, 5_000), st.integers(0, 5_000), st.integers(0, 100_000)), min_size=1, max_size=10),
)
def test_it_is_never_further_off_than_an_answer_allows(wrong_by_ms: int, answers: list[tuple[int, int, int]]):
    server, local = Clock(START_MS + 123), Clock(START_MS + 123 + wrong_by_ms)
    clock = AdjustedClock(local)

    for there_ms, back_ms, later_ms in answers:
        asked_ms = local.now_ms
        server.now_ms += there_ms
        told = date(server.now_ms)
        server.now_ms += back_ms
        local.now_ms += there_ms + back_ms
        clock.take(told, asked_ms=asked_ms)
        assert abs(clock() - server.now_ms) <= there_ms + back_ms + 1_000
        server.now_ms += later_ms
        local.now_ms += later_ms


def test_a_right_clock_is_left_alone():
    local = Clock(START_MS + 900)
    clock = AdjustedClock(local)
    clock.take(date(local.now_ms), asked_ms=local.now_ms)
    assert clock() == local.now_ms


@pytest.mark.parametrize("header", [None, "", "yesterday", "Thu, 99 Jan 1970 00:00:00 GMT"])
def test_what_is_no_date_changes_nothing(header: str | None):
    local = Clock()
    clock = AdjustedClock(local)
    clock.take(header, asked_ms=local.now_ms)
    assert clock() == START_MS


@pytest.mark.parametrize("wrong_by_ms", [-30 * HOUR_MS, 30 * HOUR_MS])
async def test_a_client_goes_by_the_servers_time_from_its_sign_in_on(
    server: FakeAppSync, config: ClientConfig, wrong_by_ms: int
):
    server.now_ms = Clock()
    local = Clock(START_MS + wrong_by_ms)

    async with connect(config, local_ms=local) as client:
        assert abs(client.now_ms() - START_MS) < 1_000


async def test_each_answer_corrects_a_clock_that_is_set(server: FakeAppSync, client: Client, clock: Clock):
    server.has_run(REQUEST_ID)
    server.now_ms = Clock()
    clock.now_ms += 3 * HOUR_MS

    await client.show(REQUEST_ID)

    assert abs(client.now_ms() - START_MS) < 1_000


async def test_a_token_is_renewed_in_time_although_the_clock_is_set_back(server: FakeAppSync):
    async def renew(_: Identity) -> Identity:
        return Identity("user-1", "another", TOKEN_LIFETIME_SECONDS, None)

    local, server_ms = Clock(), START_MS
    clock = AdjustedClock(local)
    first = Identity("user-1", "first", TOKEN_LIFETIME_SECONDS, None)
    credentials = Credentials(first, renew, now_ms=clock)

    local.now_ms -= 2 * HOUR_MS
    clock.take(date(server_ms), asked_ms=local.now_ms)
    assert await credentials.valid() is first
    local.now_ms += TOKEN_LIFETIME_SECONDS * 1000 - 1
    assert (await credentials.valid()).id_token == "another"
