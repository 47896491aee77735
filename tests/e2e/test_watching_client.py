"""The watching client against the whole system, while its WebSocket is cut again and again."""

import asyncio
import random
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from local.deployment import client_environment
from runcast.client.adjusted_clock import AdjustedClock
from runcast.client.client import connect
from runcast.client.config import ClientConfig
from runcast.client.patience import Patience
from runcast.client.sign_in import cognito_client, renew, sign_in
from tests.contracts.watching_client import check_each_step_once, follow, kept
from tests.e2e.conftest import AGENT
from tests.fakes.cutting_proxy import cutting_proxy

HASTE = Patience(gap=0.05, silence=0.5, poll=0.1, straggler=0.1, retry_first=0.05, retry_longest=0.1)


@pytest.fixture
def config(stack, alice, monkeypatch):
    environment = client_environment(stack.state, alice.user)
    monkeypatch.setenv("AWS_ENDPOINT_URL", environment["AWS_ENDPOINT_URL"])
    return ClientConfig.from_environment(environment)


@pytest.mark.parametrize("seed", range(2))
async def test_a_run_is_watched_whole_while_its_socket_is_cut(config, seed):
    dice = random.Random(seed)
    url = urlsplit(config.graphql_url)
    async with cutting_proxy(url.hostname, url.port) as proxy:
        config = replace(config, graphql_url=url._replace(netloc=f"127.0.0.1:{proxy.port}").geturl())
        async with connect(config, patience=HASTE, notify=lambda _: None) as client:

            async def cut_again_and_again() -> None:
                while True:
                    await asyncio.sleep(dice.random() * 0.3)
                    proxy.cut()

            cutting = asyncio.create_task(cut_again_and_again())
            try:
                steps, outcome = await follow(client.run(AGENT, "[model:slow 1] How steep is the ground?"))
            finally:
                cutting.cancel()
            record = await client.show(outcome.request_id)

    check_each_step_once(steps, outcome)
    assert (outcome.status, outcome.result) == ("complete", record.result)
    assert [kept(step) for step in steps] == [kept(step) for step in record.steps]
    assert proxy.opened > 1


def test_a_token_is_renewed_by_its_refresh_token_alone(config):
    cognito = cognito_client(config, AdjustedClock())
    signed_in = sign_in(cognito, config)

    renewed = renew(cognito, replace(config, password="not this one"), signed_in)

    assert renewed.user_id == signed_in.user_id
    assert renewed.lifetime_seconds == signed_in.lifetime_seconds == 3600
    assert renewed.refresh_token
