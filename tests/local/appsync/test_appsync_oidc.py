"""Tokens of an OpenID Connect provider, as AppSync verifies them: its keys, and every claim that it compares."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

import jwt
import pytest

from local.appsync.authorisation import Mode, Refused, authenticate
from local.appsync.oidc_keys import fetched_keys
from tests.fakes.oidc_issuer import AUDIENCE, OidcIssuer, new_key, oidc_issuer

NOW = 1_700_000_000
NOT_VALID = "Valid authorization header not provided."
EXPIRED = "Token has expired."


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OidcIssuer]:
    with oidc_issuer(tmp_path_factory.mktemp("issuer")) as made:
        yield made


class Store:
    """The keys of an API with one provider and one user pool."""

    async def api_keys(self, _: str) -> list[dict[str, Any]]:
        return []

    async def signing_keys(self, _: str) -> dict[str, Any]:
        return {"keys": []}

    async def oidc_keys(self, issuer: str) -> dict[str, Any]:
        return fetched_keys(issuer)


def call(issuer: OidcIssuer, token: str, **settings: Any) -> Any:
    """Authenticate with a token; return the caller."""
    provider = {"issuer": issuer.issuer, "clientId": f"^{AUDIENCE}$", **settings}
    api: Mapping[str, Any] = {
        "apiId": "api",
        "authenticationType": "AMAZON_COGNITO_USER_POOLS",
        "userPoolConfig": {"userPoolId": "us-east-1_pool", "awsRegion": "us-east-1"},
        "additionalAuthenticationProviders": [
            {"authenticationType": "OPENID_CONNECT", "openIDConnectConfig": provider}
        ],
    }
    return asyncio.run(authenticate(api, {"authorization": token}, Store(), now_epoch_s=lambda: NOW))


def token(issuer: OidcIssuer, **changes: Any) -> str:
    return issuer.token("ana", **{"iat": NOW, "auth_time": NOW, "exp": NOW + 60, **changes})


def test_a_good_token(issuer: OidcIssuer) -> None:
    caller = call(issuer, token(issuer))
    assert (caller.mode, caller.claims["sub"], caller.claims["iss"]) == (Mode.OIDC, "ana", issuer.issuer)


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer "])
def test_a_good_token_after_the_name_of_a_scheme(issuer: OidcIssuer, scheme: str) -> None:
    with pytest.raises(Refused, match=NOT_VALID):
        call(issuer, scheme + token(issuer))


@pytest.mark.parametrize(
    "changes",
    [{"aud": "other", "azp": AUDIENCE}, {"aud": ["other", AUDIENCE]}, {"aud": None, "azp": AUDIENCE}],
)
def test_the_client_may_be_in_aud_or_azp(issuer: OidcIssuer, changes: dict[str, Any]) -> None:
    assert call(issuer, token(issuer, **changes)).mode == Mode.OIDC


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"exp": NOW}, EXPIRED),
        ({"exp": None}, NOT_VALID),
        ({"iat": None}, NOT_VALID),
        ({"aud": "other"}, NOT_VALID),
        ({"aud": f"{AUDIENCE}0"}, NOT_VALID),
        ({"aud": None}, NOT_VALID),
        ({"iss": "https://login.example.com"}, NOT_VALID),
        ({"iss": None}, NOT_VALID),
        ({"key": new_key()}, NOT_VALID),
        ({"algorithm": "none"}, NOT_VALID),
        ({"algorithm": "HS256", "key": "a shared secret of thirty-two bytes or more"}, NOT_VALID),
    ],
)
def test_a_token_that_proves_nothing(issuer: OidcIssuer, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(Refused) as refused:
        call(issuer, token(issuer, **changes))
    assert (refused.value.error_type, refused.value.status, str(refused.value)) == (
        "UnauthorizedException",
        401,
        message,
    )


def test_a_token_with_another_payload(issuer: OidcIssuer) -> None:
    head, _, signature = token(issuer).split(".")
    _, payload, _ = jwt.encode({**jwt.decode(token(issuer), options={"verify_signature": False}), "sub": "bob"},
                               "a shared secret of thirty-two bytes or more").split(".")  # fmt: skip
    with pytest.raises(Refused, match=NOT_VALID):
        call(issuer, f"{head}.{payload}.{signature}")


@pytest.mark.parametrize(("setting", "claim"), [("iatTTL", "iat"), ("authTTL", "auth_time")])
def test_a_token_that_is_older_than_the_provider_s_settings(issuer: OidcIssuer, setting: str, claim: str) -> None:
    within, beyond = token(issuer, **{claim: NOW - 59}), token(issuer, **{claim: NOW - 60})
    assert call(issuer, within, **{setting: 60_000}).mode == Mode.OIDC
    assert call(issuer, beyond).mode == Mode.OIDC
    with pytest.raises(Refused, match=EXPIRED):
        call(issuer, beyond, **{setting: 60_000})


def test_keys_come_from_the_issuer_s_own_document_over_tls(issuer: OidcIssuer) -> None:
    [key] = fetched_keys(issuer.issuer)["keys"]
    assert key["kid"] == "key-1"
    assert fetched_keys(f"{issuer.issuer}/") == {}  # the document names another issuer
    assert fetched_keys(issuer.issuer.replace("main", "other")) == {}
    assert fetched_keys(issuer.issuer.replace("https", "http")) == {}
