"""Who a caller is: told by the credential alone, never by an argument.

The same rules stand in the resolver of `onStatusUpdate`, in JavaScript; both are held to the same test vectors.
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
    """Return whose runs the caller may start and read.

    Args:
        auth_type: How AppSync let the caller in, in its own words (`util.authType()`).
        claims: The token's claims; None without a token.
        user_id_claim: The claim that names the user.
        tenant_id_claim: The claim that names the tenant; a user without one is their own tenant.

    Raises:
        Unauthorized: The credential names no user, or is no ID token, or its names would be ambiguous.
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
    # "#" joins the two in the record's `owner`: with it inside, one owner could pass for another.
    if not all(is_name(name, limits.NAME_MAX_CHARACTERS) for name in (tenant_id, user_id)):
        raise Unauthorized(
            f"The token's tenant and user must be text of at most {limits.NAME_MAX_CHARACTERS} characters without '#'."
        )
    owner = Owner(tenant_id, user_id)
    if owner == PUBLIC:
        raise Unauthorized("The token names the user public of the tenant public, which is reserved for API keys.")
    return owner


def typed_claims(verified: Mapping[str, str], authorization: str, names: Collection[str]) -> Json:
    """Return claims of a verified token with the types that they have in it.

    API Gateway hands each claim on as text, so that null reads as a user named `null`. The token says which claims are
    text. It is not verified here, so no text is taken from it that API Gateway has not verified.

    Args:
        verified: The claims as API Gateway hands them on.
        authorization: The header that holds the token.
        names: Which claims.

    Raises:
        Unauthorized: The header holds another token than the one that was verified.
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
