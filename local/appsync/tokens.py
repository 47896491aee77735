"""Verification of Cognito's and of OpenID Connect providers' tokens, as AppSync does it.

MiniStack reads a token's claims without looking at its signature or its age, so a forged or expired token would pass.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import jwt

NOT_VALID = "Valid authorization header not provided."
"""AppSync's words for a header that holds no token which it accepts."""


class TokenInvalid(Exception):
    """The token proves nothing; the message is AppSync's."""


def verified_claims(
    authorization: str,
    user_pool: Mapping[str, Any],
    key_set: Mapping[str, Any],
    *,
    now_epoch_s: Callable[[], float],
) -> dict[str, Any]:
    """Checks a token and returns its claims.

    Args:
        authorization: the `Authorization` header: a token, with or without API Gateway's `Bearer `.
        user_pool: the provider's `userPoolConfig`: `userPoolId`, `awsRegion`, optionally `appIdClientRegex`.
        key_set: the user pool's JWKS document.
        now_epoch_s: the clock.

    Raises:
        TokenInvalid: malformed, signed by someone else, from another pool, expired, or neither an ID nor an access
            token.
    """
    issuer = f"https://cognito-idp.{user_pool['awsRegion']}.amazonaws.com/{user_pool['userPoolId']}"
    claims = _signed_claims(authorization, issuer, key_set, now_epoch_s())
    if claims.get("token_use") not in ("id", "access"):
        raise TokenInvalid(NOT_VALID)
    client_id = str(claims.get("aud") or claims.get("client_id") or "")
    if not re.fullmatch(user_pool.get("appIdClientRegex") or ".*", client_id):
        raise TokenInvalid(NOT_VALID)
    return claims


def claims_of_oidc(
    authorization: str,
    provider: Mapping[str, Any],
    key_set: Mapping[str, Any],
    *,
    now_epoch_s: Callable[[], float],
) -> dict[str, Any]:
    """Checks a token of an OpenID Connect provider and returns its claims.

    Args:
        authorization: the `Authorization` header: a token.
        provider: `openIDConnectConfig`: `issuer`, optionally `clientId`, a pattern that `aud` or `azp` has to match,
            and `iatTTL` and `authTTL`, in milliseconds.
        key_set: the provider's JWKS document.
        now_epoch_s: the clock.

    Raises:
        TokenInvalid: malformed, signed by someone else or not by RS256, from another issuer, for another client,
            expired, or too old.

    Source: https://docs.aws.amazon.com/appsync/latest/devguide/security-authz.html
    """
    now_s = now_epoch_s()
    claims = _signed_claims(authorization, provider["issuer"], key_set, now_s, "iat")
    audiences = claims.get("aud")
    clients = [*(audiences if isinstance(audiences, list) else [audiences]), claims.get("azp")]
    pattern = provider.get("clientId")
    if pattern and not any(isinstance(client, str) and re.fullmatch(pattern, client) for client in clients):
        raise TokenInvalid(NOT_VALID)
    for claim, limit_ms in (("iat", provider.get("iatTTL")), ("auth_time", provider.get("authTTL"))):
        if limit_ms and not now_s * 1000 < _number(claims.get(claim)) * 1000 + limit_ms:
            raise TokenInvalid("Token has expired.")
    return claims


def issuer_of(authorization: str) -> Any:
    """The issuer that a token names, before anything of it is verified; None if it names none."""
    try:
        return jwt.decode(_token(authorization), options={"verify_signature": False}).get("iss")
    except jwt.InvalidTokenError:
        return None


def _token(authorization: str) -> str:
    return re.sub("^bearer ", "", authorization, flags=re.IGNORECASE)


def _number(claim: Any) -> float:
    return claim if isinstance(claim, int | float) else 0


def _signed_claims(
    authorization: str, issuer: str, key_set: Mapping[str, Any], now_s: float, *required: str
) -> dict[str, Any]:
    token = _token(authorization)
    try:
        key = _signing_key(token, key_set)
        # Expiry is checked below, by the injected clock.
        require = ["exp", "iss", "sub", *required]
        options: Any = {"verify_aud": False, "verify_exp": False, "verify_iat": False, "require": require}
        claims: dict[str, Any] = jwt.decode(token, key, algorithms=["RS256"], issuer=issuer, options=options)
    except jwt.InvalidTokenError as invalid:
        raise TokenInvalid(NOT_VALID) from invalid
    if claims["exp"] <= now_s:
        raise TokenInvalid("Token has expired.")
    return claims


def _signing_key(token: str, key_set: Mapping[str, Any]) -> jwt.PyJWK:
    key_id = jwt.get_unverified_header(token).get("kid")
    for key in key_set.get("keys", []):
        if key["kid"] == key_id:
            return jwt.PyJWK(key)
    raise jwt.InvalidTokenError("no such signing key")
