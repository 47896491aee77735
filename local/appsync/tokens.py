"""Verification of Cognito's tokens, as AppSync does it: signature, issuer, expiry, use.

MiniStack reads a token's claims without looking at its signature or its age, so a forged or expired token would pass.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import jwt


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
        authorization: the `Authorization` header: a token, with or without `Bearer `.
        user_pool: the provider's `userPoolConfig`: `userPoolId`, `awsRegion`, optionally `appIdClientRegex`.
        key_set: the user pool's JWKS document.
        now_epoch_s: the clock.

    Raises:
        TokenInvalid: malformed, signed by someone else, from another pool, expired, or neither an ID nor an access
            token.
    """
    token = re.sub("^bearer ", "", authorization, flags=re.IGNORECASE)
    issuer = f"https://cognito-idp.{user_pool['awsRegion']}.amazonaws.com/{user_pool['userPoolId']}"
    try:
        key = _signing_key(token, key_set)
        # Expiry is checked below, by the injected clock.
        options: Any = {"verify_aud": False, "verify_exp": False, "verify_iat": False, "require": ["exp", "iss", "sub"]}
        claims: dict[str, Any] = jwt.decode(token, key, algorithms=["RS256"], issuer=issuer, options=options)
    except jwt.InvalidTokenError as invalid:
        raise TokenInvalid("Valid authorization header not provided.") from invalid
    if claims["exp"] <= now_epoch_s():
        raise TokenInvalid("Token has expired.")
    if claims.get("token_use") not in ("id", "access"):
        raise TokenInvalid("Valid authorization header not provided.")
    client_id = str(claims.get("aud") or claims.get("client_id") or "")
    if not re.fullmatch(user_pool.get("appIdClientRegex") or ".*", client_id):
        raise TokenInvalid("Valid authorization header not provided.")
    return claims


def _signing_key(token: str, key_set: Mapping[str, Any]) -> jwt.PyJWK:
    key_id = jwt.get_unverified_header(token).get("kid")
    for key in key_set.get("keys", []):
        if key["kid"] == key_id:
            return jwt.PyJWK(key)
    raise jwt.InvalidTokenError("no such signing key")
