"""The two users of a verification, of different tenants: temporary ones, or the owners of two given ID tokens."""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from runcast.client.adjusted_clock import AdjustedClock
from runcast.client.api import Api, open_api
from runcast.client.config import ClientConfig
from runcast.client.credentials import Credentials
from runcast.client.sign_in import Identity, cognito_client, sign_in
from runcast.errors import RuncastError, Unauthorized
from verify.created import Created
from verify.deployment import Aws, Deployment

TOKENS = ("VERIFY_TOKEN_A", "VERIFY_TOKEN_B")
"""The environment variables with the ID tokens of two existing users."""

_TOKEN_MIN_SECONDS = 15 * 60
_USE_TOKENS = f"Set {' and '.join(TOKENS)} to ID tokens of two existing users of different tenants."


class NoUsers(Exception):
    """There are no two users to verify with; the message says what to do."""


@dataclass(frozen=True)
class User:
    """One of the two users.

    Attributes:
        identity: The user's id and ID token.
        tenant_id: The user's tenant.
        credentials: The identity, as the client library takes it.
        api: The GraphQL API over HTTP as this user.
        now_ms: The server's time (epoch ms).
    """

    identity: Identity
    tenant_id: str
    credentials: Credentials
    api: Api
    now_ms: AdjustedClock

    @property
    def user_id(self) -> str:
        """The user's id."""
        return self.identity.user_id


async def find_identities(
    deployment: Deployment, aws: Aws, created: Created, environment: Mapping[str, str]
) -> list[Identity]:
    """Return two identities: of the tokens in the environment, or of two new users of the pool.

    Raises:
        NoUsers: A token is unusable, or the pool refuses such users.
    """
    if tokens := [environment[name] for name in TOKENS if environment.get(name)]:
        if len(tokens) != len(TOKENS):
            raise NoUsers(f"Only one token is set. {_USE_TOKENS}")
        return [_identity_of(token, deployment) for token in tokens]
    suffix = secrets.token_hex(4)
    names = [f"runcast-verify-{suffix}-{letter}" for letter in "ab"]
    return [await _temporary(name, deployment, aws, created) for name in names]


@asynccontextmanager
async def open_user(identity: Identity, deployment: Deployment) -> AsyncIterator[User]:
    """Open the API for an identity until the end of the block."""

    async def not_renewed(_: Identity) -> Identity:
        raise Unauthorized("The token of a verification is not renewed.")

    clock = AdjustedClock()
    credentials = Credentials(identity, not_renewed, now_ms=clock)
    tenant = str(_claims(identity.id_token).get(deployment.tenant_id_claim) or identity.user_id)
    async with open_api(deployment.graphql_url, credentials, clock) as api:
        yield User(identity, tenant, credentials, api, clock)


async def _temporary(name: str, deployment: Deployment, aws: Aws, created: Created) -> Identity:
    pool = {"UserPoolId": deployment.user_pool_id, "Username": name}
    password = "Aa1!" + secrets.token_urlsafe(24)
    config = ClientConfig(
        graphql_url=deployment.graphql_url,
        user_pool_client_id=deployment.user_pool_client_id,
        region=deployment.user_pool_id.split("_")[0],
        username=name,
        password=password,
        user_id_claim=deployment.user_id_claim,
    )
    created.user_names.append(name)  # Before the user exists, so that an interruption leaves no user behind.
    try:
        await aws.call(
            "cognito-idp",
            "admin_create_user",
            **pool,
            MessageAction="SUPPRESS",
            UserAttributes=[{"Name": deployment.tenant_id_claim, "Value": name}],
        )
        await aws.call("cognito-idp", "admin_set_user_password", **pool, Password=password, Permanent=True)
        cognito = await asyncio.to_thread(cognito_client, config, AdjustedClock())
        return await asyncio.to_thread(sign_in, cognito, config)
    except (ClientError, BotoCoreError, RuncastError) as error:
        raise NoUsers(
            f"The user pool {deployment.user_pool_id} refuses temporary users: {error} {_USE_TOKENS}"
        ) from error


def _identity_of(token: str, deployment: Deployment) -> Identity:
    claims = _claims(token)
    seconds = float(str(claims.get("exp") or 0)) - time.time()
    if claims.get("token_use") != "id" or not claims.get(deployment.user_id_claim):
        raise NoUsers(f"A token is not an ID token with the claim {deployment.user_id_claim}. {_USE_TOKENS}")
    if seconds < _TOKEN_MIN_SECONDS:
        raise NoUsers(f"A token expires in {max(0, seconds):.0f} s; it must last for 15 minutes. {_USE_TOKENS}")
    return Identity(str(claims[deployment.user_id_claim]), token, seconds, None)


def _claims(token: str) -> Mapping[str, object]:
    """Return the claims of a token; empty if it is not a JWT. The APIs verify it."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}
