"""Token verification with a clock and a key of our own."""

import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from local.appsync.tokens import TokenInvalid, verified_claims

NOW = 1_700_000_000
POOL = {"userPoolId": "us-east-1_pool", "awsRegion": "us-east-1"}
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PUBLIC = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key()))
KEY_SET = {"keys": [{**PUBLIC, "kid": "k", "alg": "RS256", "use": "sig"}]}
CLAIMS = {
    "sub": "s",
    "iss": "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_pool",
    "exp": NOW + 60,
    "token_use": "id",
    "aud": "client",
}


def token(key: Any = KEY, algorithm: str = "RS256", key_id: str = "k", **changes: Any) -> str:
    claims = {name: value for name, value in {**CLAIMS, **changes}.items() if value is not None}
    return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": key_id})


def verify(authorization: str, **pool: str) -> dict[str, Any]:
    return verified_claims(authorization, {**POOL, **pool}, KEY_SET, now_epoch_s=lambda: NOW)


def test_a_good_token() -> None:
    assert verify(token()) == CLAIMS
    assert verify("Bearer " + token()) == CLAIMS
    access = {"token_use": "access", "aud": None, "client_id": "client"}
    assert verify(token(**access), appIdClientRegex="client|other")["token_use"] == "access"


def test_an_expired_token() -> None:
    with pytest.raises(TokenInvalid, match=r"^Token has expired\.$"):
        verify(token(exp=NOW))


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "a.b.c",
        token(key=rsa.generate_private_key(public_exponent=65537, key_size=2048)),
        token(key="a shared secret of thirty-two bytes or more", algorithm="HS256"),
        token(key_id="unknown"),
        token(iss="https://cognito-idp.us-east-1.amazonaws.com/us-east-1_other"),
        token(token_use="refresh"),
        token(exp=None),
        token(sub=None),
    ],
)
def test_a_bad_token(bad: str) -> None:
    with pytest.raises(TokenInvalid, match=r"^Valid authorization header not provided\.$"):
        verify(bad)


def test_a_token_of_another_client() -> None:
    with pytest.raises(TokenInvalid):
        verify(token(), appIdClientRegex="other")
