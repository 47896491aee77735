"""Derives the caller from the credential alone, never from an argument.

The resolver of `onStatusUpdate` implements the same rules in JavaScript; the same test vectors check both.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Mapping
from typing import Any

from runcast import limits
from runcast.errors import Unauthorized
from runcast.record.ids import is_name
from runcast.record.model import PUBLIC, Json, Owner

API_KEY = "API Key Authorization"
USER_POOL = "User Pool Authorization"
_ANOTHER = "Send one ID token in the header Authorization."


def owner_of_caller(
    auth_type: str | None, claims: Mapping[str, Any] | None, *, user_id_claim: str, tenant_id_claim: str
) -> Owner:
    """Return the owner whose runs the caller may start and read.

    Args:
        auth_type: AppSync's name for how the caller was authorized (`util.authType()`).
        claims: The token's claims; None without a token.
        user_id_claim: The claim that names the user.
        tenant_id_claim: The claim that names the tenant; a user without one is their own tenant.

    Raises:
        Unauthorized: The credential names no user, is not an ID token, or contains an ambiguous name.
    """
    if auth_type == API_KEY:
        return PUBLIC
    if auth_type != USER_POOL or not claims:
        raise Unauthorized("Sign in with an ID token: this credential names no user.")
    if claims.get("token_use") != "id":
        raise Unauthorized("Send the ID token: access tokens lack the tenant claim.")
    user_id = claims.get(user_id_claim)
    if user_id is None or user_id == "":
        raise Unauthorized(f"The token must name its user in the claim {user_id_claim}.")
    tenant_id = claims.get(tenant_id_claim)
    if tenant_id is None or tenant_id == "":
        tenant_id = user_id
    # "#" separates the two in the record's `owner`, so a name that contains it could impersonate another owner.
    if not all(is_name(name, limits.NAME_MAX_CHARACTERS) for name in (tenant_id, user_id)):
        raise Unauthorized(
            f"The token's tenant and user must be text of at most {limits.NAME_MAX_CHARACTERS} characters without '#'."
        )
    owner = Owner(tenant_id, user_id)
    if owner == PUBLIC:
        raise Unauthorized("The token names the user public of the tenant public, which is reserved for API keys.")
    return owner


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
