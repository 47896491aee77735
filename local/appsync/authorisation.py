"""Who is calling, and what they may read: AppSync's authorisation modes and the `@aws_*` directives.

The form of the credential chooses the mode, and the mode must be one of the API's. A field is open to the modes that
its directives name, else to those of its type's directives, else to the API's default mode alone; this holds for every
selected field, not only for the topmost. MiniStack checks none of this, and an emulator that allows everything would
hide the most common mistake with AppSync.

Source: https://docs.aws.amazon.com/appsync/latest/devguide/security-authz.html
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, Protocol

from graphql import (
    DirectiveNode,
    FieldDefinitionNode,
    GraphQLField,
    GraphQLObjectType,
    ObjectTypeDefinitionNode,
    value_from_ast_untyped,
)

from local.appsync.tokens import NOT_VALID, TokenInvalid, claims_of_oidc, issuer_of, verified_claims


class Mode(StrEnum):
    """The authorisation modes this endpoint knows, by AppSync's names."""

    API_KEY = "API_KEY"
    AWS_IAM = "AWS_IAM"
    COGNITO = "AMAZON_COGNITO_USER_POOLS"
    OIDC = "OPENID_CONNECT"


@dataclass(frozen=True)
class Caller:
    """An authenticated caller; `claims` are those of the token, and None for every other mode."""

    mode: Mode
    claims: Mapping[str, Any] | None = None


class Refused(Exception):
    """The request is answered with an error instead of being executed."""

    def __init__(self, error_type: str, message: str, status: int = 401) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.status = status


class CredentialStore(Protocol):
    """The keys to check credentials with."""

    async def api_keys(self, api_id: str) -> list[dict[str, Any]]:
        """The API's keys: `id`, `expires` (epoch seconds)."""

    async def signing_keys(self, user_pool_id: str) -> dict[str, Any]:
        """The user pool's key set, as its JWKS document."""

    async def oidc_keys(self, issuer: str) -> dict[str, Any]:
        """The key set of an OpenID Connect provider, as its JWKS document."""


async def authenticate(
    api: Mapping[str, Any],
    headers: Mapping[str, str],
    store: CredentialStore,
    *,
    now_epoch_s: Callable[[], float],
) -> Caller:
    """Identifies the sender of these headers. A signature among them has already been checked.

    Args:
        api: the AppSync API's record.
        headers: the request's headers, names in lower case.
        store: the API keys and signing keys.
        now_epoch_s: the clock.

    Raises:
        Refused: no credential fits a mode of the API, or it does not hold.
    """
    providers = {provider["authenticationType"]: provider for provider in providers_of(api)}
    authorization = headers.get("authorization", "")
    if "x-api-key" in headers and Mode.API_KEY in providers:
        keys = await store.api_keys(api["apiId"])
        if any(key["id"] == headers["x-api-key"] and key["expires"] > now_epoch_s() for key in keys):
            return Caller(Mode.API_KEY)
    elif authorization.startswith("AWS4-HMAC-SHA256"):
        if Mode.AWS_IAM in providers:
            return Caller(Mode.AWS_IAM)
    elif authorization and Mode.COGNITO in providers:
        try:
            return await _signed_in(authorization, providers, store, now_epoch_s)
        except TokenInvalid as invalid:
            raise Refused("UnauthorizedException", str(invalid)) from invalid
    elif not authorization and Mode.COGNITO in providers:
        raise Refused("UnauthorizedException", NOT_VALID)
    raise Refused("UnauthorizedException", "You are not authorized to make this call.")


async def _signed_in(
    authorization: str, providers: Mapping[str, Any], store: CredentialStore, now_epoch_s: Callable[[], float]
) -> Caller:
    """The caller with a token of the provider that the token names, which is verified only then.

    AppSync takes no `Bearer ` before a token, while API Gateway's authorizer does.

    Source: https://repost.aws/knowledge-center/aws-appsync-graphql-request-unauth-error
    """
    if authorization.lower().startswith("bearer "):
        raise TokenInvalid(NOT_VALID)
    oidc = providers.get(Mode.OIDC, {}).get("openIDConnectConfig")
    if oidc and issuer_of(authorization) == oidc["issuer"]:
        key_set = await store.oidc_keys(oidc["issuer"])
        return Caller(Mode.OIDC, claims_of_oidc(authorization, oidc, key_set, now_epoch_s=now_epoch_s))
    pool = providers[Mode.COGNITO]["userPoolConfig"]
    key_set = await store.signing_keys(pool["userPoolId"])
    return Caller(Mode.COGNITO, verified_claims(authorization, pool, key_set, now_epoch_s=now_epoch_s))


def providers_of(api: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    """The API's authorisation providers, the default one first."""
    return [api, *(api.get("additionalAuthenticationProviders") or [])]


def may_access(caller: Caller, default_mode: str, parent: GraphQLObjectType, field: GraphQLField) -> bool:
    """Whether the directives let the caller read this field of this type."""
    grants = _grants(field.ast_node) or _grants(parent.ast_node) or {default_mode: None}
    if caller.mode not in grants:
        return False
    groups = grants[caller.mode]
    return groups is None or not groups.isdisjoint((caller.claims or {}).get("cognito:groups") or ())


_MODE_OF_DIRECTIVE = {
    "aws_api_key": Mode.API_KEY,
    "aws_iam": Mode.AWS_IAM,
    "aws_cognito_user_pools": Mode.COGNITO,
    "aws_auth": Mode.COGNITO,
    "aws_oidc": Mode.OIDC,
}


# A schema has some hundred such nodes, and each is asked about for every field of every answer and message.
@lru_cache(maxsize=1024)
def _grants(node: FieldDefinitionNode | ObjectTypeDefinitionNode | None) -> dict[str, set[str] | None]:
    """Mode -> the groups it is limited to, or None, as the node's directives say; empty without directives."""
    return {
        _MODE_OF_DIRECTIVE[directive.name.value]: _groups(directive)
        for directive in (node.directives if node else None) or ()
        if directive.name.value in _MODE_OF_DIRECTIVE
    }


def _groups(directive: DirectiveNode) -> set[str] | None:
    for argument in directive.arguments or ():
        if argument.name.value == "cognito_groups":
            return set(value_from_ast_untyped(argument.value))
    return None
