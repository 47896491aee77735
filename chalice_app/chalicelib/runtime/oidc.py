"""The identity provider that may sign users in beside the user pool, from the environment variable `OIDC`.

It is apart from `config` because the rules of identity use it, too.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from runcast.errors import InvalidInput


@dataclass(frozen=True)
class Oidc:
    """An OpenID Connect provider.

    Attributes:
        issuer: The claim `iss` of its tokens.
        audience: What the claim `aud` of its tokens must be or contain: the id of the client that frontends use.
        tenant_id_claim: The claim that names the tenant; None if each user is their own tenant.
    """

    issuer: str
    audience: str
    tenant_id_claim: str | None


def oidc_of(text: str) -> Oidc:
    """Return the provider that Terraform describes as JSON.

    Raises:
        InvalidInput: The text is no such description.
    """
    try:
        given = json.loads(text)
        return Oidc(given["issuer"], given["audience"], given["tenantIdClaim"])
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInput(
            f"OIDC must be a JSON object with issuer, audience and tenantIdClaim, not {text!r}."
        ) from error
