from __future__ import annotations

import asyncio
import re
from dataclasses import replace

import pytest
from botocore.stub import Stubber

from runcast.client.adjusted_clock import AdjustedClock
from runcast.client.client import connect
from runcast.client.config import ClientConfig, TokenConfig
from runcast.client.sign_in import cognito_client, sign_in, signed_in
from runcast.errors import RuncastError, Unauthorized, Unavailable
from tests.fakes.cognito import ID_TOKEN, USER_ID
from tests.unit.client.conftest import REQUEST_ID


async def test_gives_the_id_token_and_who_it_is_about(config: ClientConfig):
    identity = await asyncio.to_thread(sign_in, cognito_client(config, AdjustedClock()), config)

    assert (identity.user_id, identity.id_token) == (USER_ID, ID_TOKEN)
    assert ID_TOKEN not in repr(identity)


async def test_needs_no_aws_credentials(config: ClientConfig, monkeypatch: pytest.MonkeyPatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    async with connect(config) as client:
        assert client


async def test_a_wrong_password_is_refused_clearly(config: ClientConfig):
    with pytest.raises(Unauthorized) as caught:
        await asyncio.to_thread(sign_in, cognito_client(config, AdjustedClock()), replace(config, password="wrong"))

    assert str(caught.value) == (
        "Signing in as 'alice' was refused: Incorrect username or password. "
        "Check RUNCAST_USERNAME and RUNCAST_PASSWORD."
    )


async def test_an_unknown_app_client_points_to_the_configuration(config: ClientConfig):
    with pytest.raises(RuncastError, match=r"does not exist\. Check RUNCAST_USER_POOL_CLIENT_ID and RUNCAST_REGION\."):
        await asyncio.to_thread(
            sign_in, cognito_client(config, AdjustedClock()), replace(config, user_pool_client_id="other")
        )


async def test_a_claim_that_the_token_lacks_points_to_the_configuration(config: ClientConfig):
    with pytest.raises(RuncastError, match=r"no claim 'email'\. Check RUNCAST_USER_ID_CLAIM\."):
        await asyncio.to_thread(
            sign_in, cognito_client(config, AdjustedClock()), replace(config, user_id_claim="email")
        )


def test_a_challenge_is_named(config: ClientConfig):
    client = cognito_client(config, AdjustedClock())
    with Stubber(client) as stubber:
        stubber.add_response("initiate_auth", {"ChallengeName": "NEW_PASSWORD_REQUIRED", "Session": "s" * 20})
        with pytest.raises(Unauthorized, match="must do something else before signing in: NEW_PASSWORD_REQUIRED"):
            sign_in(client, config)


def test_a_failure_of_cognito_is_not_the_users(config: ClientConfig):
    client = cognito_client(config, AdjustedClock())
    with Stubber(client) as stubber:
        stubber.add_client_error("initiate_auth", "InternalErrorException", "Sorry.", 500)
        with pytest.raises(Unavailable, match=r"^Signing in failed: Sorry\.$"):
            sign_in(client, config)


def test_an_unreachable_cognito_is_named(monkeypatch: pytest.MonkeyPatch, config: ClientConfig):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")

    with pytest.raises(Unavailable, match=re.escape("127.0.0.1:9")):
        sign_in(cognito_client(config, AdjustedClock()), config)


def test_a_token_of_another_provider_names_its_user(config: ClientConfig):
    identity = signed_in(TokenConfig(config.graphql_url, lambda: ID_TOKEN))

    assert (identity.user_id, identity.id_token, identity.lifetime_seconds) == (USER_ID, ID_TOKEN, 3600)


@pytest.mark.parametrize("token", ["", "token", "a.b.c", "e30.e30.e30", "e30.bnVsbA.e30"])
def test_what_is_no_token_is_refused(config: ClientConfig, token: str):
    with pytest.raises(RuncastError, match=r"no ID token with the claims sub, exp and iat\. Check RUNCAST_ID_TOKEN\."):
        signed_in(TokenConfig(config.graphql_url, lambda: token))


async def test_a_token_is_asked_for_again_when_the_service_refuses_it(server, config: ClientConfig):
    asked = []

    def token() -> str:
        asked.append(server.token)
        return server.token

    server.has_run(REQUEST_ID)
    async with connect(TokenConfig(config.graphql_url, token)) as client:
        await client.show(REQUEST_ID)
        server.replace_token()
        await client.show(REQUEST_ID)
    assert len(asked) == len(set(asked)) == 2
