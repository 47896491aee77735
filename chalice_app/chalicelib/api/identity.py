"""Derives the caller from the credential alone, never from an argument.

The resolver of `onStatusUpdate` implements the same rules in JavaScript; the same test vectors check both.

A name that the identity provider gives becomes `<issuer>|<name>`, and no name of the user pool may have this form. So a
user of one issuer is never a user of another one, nor in another's tenant.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Mapping
from typing import Any

from chalicelib.runtime.oidc import Oidc
from runcast import limits
from runcast.errors import Unauthorized
from runcast.record.ids import is_name
from runcast.record.model import PUBLIC, Json, Owner

API_KEY = "API Key Authorization"
OPENID_CONNECT = "Open ID Connect Authorization"
USER_POOL = "User Pool Authorization"
_ANOTHER = "Send one ID token in the header Authorization."


def owner_of_caller(
    auth_type: str | None,
    claims: Mapping[str, Any] | None,
    *,
    user_id_claim: str,
    tenant_id_claim: str,
    oidc: Oidc | None = None,
) -> Owner:
    """Return the owner whose runs the caller may start and read.

    Args:
        auth_type: AppSync's name for how the caller was authorized (`util.authType()`).
        claims: The token's claims; None without a token.
        user_id_claim: The claim of the user pool's tokens that names the user.
        tenant_id_claim: Their claim that names the tenant; a user without one is their own tenant.
        oidc: The identity provider beside the user pool, if there is one.

    Raises:
        Unauthorized: The credential names no user, is not an ID token, or contains an ambiguous name.
    """
    if auth_type == API_KEY:
        return PUBLIC
    if auth_type == OPENID_CONNECT and claims and oidc:
        user_id, tenant_id = _names_of_oidc(claims, oidc)
    elif auth_type == USER_POOL and claims:
        user_id, tenant_id = _names_of_user_pool(claims, user_id_claim, tenant_id_claim)
    else:
        raise Unauthorized("Sign in with an ID token: this credential names no user.")
    # "#" separates the two in the record's `owner`, so a name that contains it could impersonate another owner.
    if not all(is_name(name, limits.NAME_MAX_CHARACTERS) for name in (tenant_id, user_id)):
        raise Unauthorized(
            f"The token's tenant and user must be text of at most {limits.NAME_MAX_CHARACTERS} characters without '#'."
        )
    owner = Owner(tenant_id, user_id)
    if owner == PUBLIC:
        raise Unauthorized("The token names the user public of the tenant public, which is reserved for API keys.")
    return owner


def _names_of_user_pool(claims: Mapping[str, Any], user_id_claim: str, tenant_id_claim: str) -> tuple[Any, Any]:
    if claims.get("token_use") != "id":
        raise Unauthorized("Send the ID token: access tokens lack the tenant claim.")
    user_id = _claim_of_user(claims, user_id_claim)
    names = user_id, _claim(claims, tenant_id_claim, absent=user_id)
    if any(isinstance(name, str) and name.startswith("https://") and "|" in name for name in names):
        raise Unauthorized("The token's tenant or user is named like one of an identity provider: https://issuer|name.")
    return names


def _names_of_oidc(claims: Mapping[str, Any], oidc: Oidc) -> tuple[Any, Any]:
    # AppSync has compared both, but it also accepts a token for another audience if its `azp` is the audience.
    audiences = claims.get("aud")
    if claims.get("iss") != oidc.issuer or oidc.audience not in (
        audiences if isinstance(audiences, list) else [audiences]
    ):
        raise Unauthorized("The token was issued for another audience. Sign in with this system's client.")
    user_id = _claim_of_user(claims, "sub")
    tenant_id = _claim(claims, oidc.tenant_id_claim, absent=user_id) if oidc.tenant_id_claim else user_id
    return _of_issuer(oidc, user_id), _of_issuer(oidc, tenant_id)


def _claim_of_user(claims: Mapping[str, Any], name: str) -> Any:
    user_id = _claim(claims, name, absent=None)
    if user_id is None:
        raise Unauthorized(f"The token must name its user in the claim {name}.")
    return user_id


def _claim(claims: Mapping[str, Any], name: str, *, absent: Any) -> Any:
    """Return a claim, which need not be text; `absent` if it is missing, null or empty."""
    claim = claims.get(name)
    return absent if claim is None or claim == "" else claim


def _of_issuer(oidc: Oidc, name: Any) -> Any:
    return f"{oidc.issuer}|{name}" if isinstance(name, str) else name


def typed_claims(verified: Mapping[str, str], authorization: str, names: Collection[str]) -> Json:
    """Return claims of a verified token with their JSON types.

    API Gateway passes each claim as text, so null looks like a user named `null`. The token itself shows which claims
    are text. It is not verified here, so its texts must equal those that API Gateway has verified.

    Args:
        verified: The claims as API Gateway passes them.
        authorization: The header that contains the token.
        names: The names of the claims to return.

    Raises:
        Unauthorized: The header contains a different token than the verified one.
    """
    try:
        payload = authorization.split()[-1].split(".")[1]
        token = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        claims = {name: token.get(name) for name in names}
    except (AttributeError, IndexError, ValueError) as error:
        raise Unauthorized(_ANOTHER) from error
    for name, claim in claims.items():
        text = verified.get(name)
        if (text != claim) if isinstance(claim, str) else (claim is None and text not in (None, "", "null")):
            raise Unauthorized(_ANOTHER)
    return claims
