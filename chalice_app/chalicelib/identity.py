"""Who a caller is: told by the credential alone, never by an argument.

The same rules stand in the resolver of `onStatusUpdate`, in JavaScript; both are held to the same test vectors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runcast import limits
from runcast.errors import Unauthorized
from runcast.record.model import PUBLIC, Owner

API_KEY = "API Key Authorization"
USER_POOL = "User Pool Authorization"


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
    if not all(_is_id_text(name) for name in (tenant_id, user_id)):
        raise Unauthorized(
            f"The token's tenant and user must be text of at most {limits.NAME_MAX_CHARACTERS} characters without '#'."
        )
    return Owner(tenant_id, user_id)


def _is_id_text(claim: Any) -> bool:
    return isinstance(claim, str) and len(claim) <= limits.NAME_MAX_CHARACTERS and "#" not in claim
