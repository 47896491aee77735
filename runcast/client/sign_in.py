"""Signs in to Cognito with a user name and a password, and renews the ID token; or takes another provider's token.

The API only accepts ID tokens, because access tokens lack the tenant claim.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field, replace
from typing import Any

from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from runcast.client.adjusted_clock import AdjustedClock
from runcast.client.config import ClientConfig, TokenConfig
from runcast.errors import RuncastError, Unauthorized, Unavailable

# Short timeouts, because a user is waiting. These calls are unsigned, so no AWS credentials are needed.
_CLIENT_CONFIG = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard"}, signature_version=UNSIGNED)
# Ignores the caller's AWS profile, which may not exist on this machine.
_NO_PROFILE = {"profile": (None, None, None, None)}

_REFUSALS = (
    "NotAuthorizedException",
    "UserNotFoundException",
    "UserNotConfirmedException",
    "PasswordResetRequiredException",
)
_OUR_FAULTS = ("ResourceNotFoundException", "InvalidParameterException")


@dataclass(frozen=True)
class Identity:
    """A signed-in user with a token.

    Attributes:
        user_id: The user's id, as the API reads it from the token.
        id_token: The JWT; not part of the `repr`.
        lifetime_seconds: The token's lifetime from its issue.
        refresh_token: The token for the next renewal, if any; not part of the `repr`.
    """

    user_id: str
    id_token: str = field(repr=False)
    lifetime_seconds: float
    refresh_token: str | None = field(repr=False)


def cognito_client(config: ClientConfig, clock: AdjustedClock) -> Any:
    """Create the `cognito-idp` client for signing in; its responses set the clock.

    Raises:
        RuncastError: The environment's AWS settings, such as a proxy or a file, are invalid.
    """
    try:
        session = Session(session_vars=_NO_PROFILE)
        client = session.create_client("cognito-idp", region_name=config.region, config=_CLIENT_CONFIG)
    except (BotoCoreError, ValueError) as error:
        raise RuncastError(f"Signing in cannot be prepared: {error}") from error
    sent_ms = clock.local_ms()

    def send(**_: Any) -> None:
        nonlocal sent_ms
        sent_ms = clock.local_ms()

    def take(http_response: Any, **_: Any) -> None:
        clock.take(http_response.headers.get("Date"), asked_ms=sent_ms)

    client.meta.events.register("before-send.cognito-idp", send)
    client.meta.events.register("after-call.cognito-idp", take)
    return client


def sign_in(cognito: Any, config: ClientConfig) -> Identity:
    """Sign in.

    Args:
        cognito: A client from `cognito_client()`.
        config: The user and the app client.

    Raises:
        Unauthorized: Cognito refuses this user or password, or requires another step first.
        Unavailable: Cognito cannot be reached, or failed.
        RuncastError: The configuration does not match the user pool.
    """
    return _authenticate(
        cognito, config, "USER_PASSWORD_AUTH", {"USERNAME": config.username, "PASSWORD": config.password}
    )


def renew(cognito: Any, config: ClientConfig, identity: Identity) -> Identity:
    """Get a new token with the refresh token or, if Cognito refuses it, sign in again.

    Args:
        cognito: A client from `cognito_client()`.
        config: The user and the app client.
        identity: The identity whose token expires.

    Raises:
        Unauthorized: Cognito also refuses this user or password.
        Unavailable: Cognito cannot be reached, or failed.
        RuncastError: The configuration does not match the user pool.
    """
    if identity.refresh_token is not None:
        try:
            renewed = _authenticate(cognito, config, "REFRESH_TOKEN_AUTH", {"REFRESH_TOKEN": identity.refresh_token})
        except Unavailable:
            raise
        except RuncastError:
            # The refresh token is expired, revoked, or not allowed for this app client: use the password.
            return sign_in(cognito, config)
        return replace(renewed, refresh_token=renewed.refresh_token or identity.refresh_token)
    return sign_in(cognito, config)


def signed_in(config: TokenConfig) -> Identity:
    """Take a token of the user from their provider. The API accepts the claim `sub` as the user's own id.

    Raises:
        RuncastError: It is not a token with the claims `sub`, `exp` and `iat`.
    """
    token = config.token()
    try:
        claims = _claims(token)
        return Identity(str(claims["sub"]), token, float(claims["exp"] - claims["iat"]), None)
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise RuncastError(
            "The token is no ID token with the claims sub, exp and iat. Check RUNCAST_ID_TOKEN."
        ) from error


def _authenticate(cognito: Any, config: ClientConfig, flow: str, parameters: dict[str, str]) -> Identity:
    try:
        answer = cognito.initiate_auth(AuthFlow=flow, ClientId=config.user_pool_client_id, AuthParameters=parameters)
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
        if code in _REFUSALS:
            raise Unauthorized(
                f"Signing in as {config.username!r} was refused: {message} Check RUNCAST_USERNAME and RUNCAST_PASSWORD."
            ) from error
        if code in _OUR_FAULTS:
            raise RuncastError(
                f"Signing in failed: {message} Check RUNCAST_USER_POOL_CLIENT_ID and RUNCAST_REGION."
            ) from error
        raise Unavailable(f"Signing in failed: {message or code}") from error
    except BotoCoreError as error:
        raise Unavailable(f"Signing in failed: {error}") from error
    if "AuthenticationResult" not in answer:
        raise Unauthorized(
            f"{config.username!r} must do something else before signing in: {answer.get('ChallengeName')}."
        )
    return _identity(answer["AuthenticationResult"], config.user_id_claim)


def _identity(tokens: dict[str, Any], user_id_claim: str) -> Identity:
    claims = _claims(tokens["IdToken"])
    if not claims.get(user_id_claim):
        raise RuncastError(f"The ID token has no claim {user_id_claim!r}. Check RUNCAST_USER_ID_CLAIM.")
    return Identity(
        user_id=str(claims[user_id_claim]),
        id_token=tokens["IdToken"],
        lifetime_seconds=claims["exp"] - claims["iat"],
        refresh_token=tokens.get("RefreshToken"),
    )


def _claims(token: str) -> Any:
    # Not verified here: the token comes directly from its issuer, and the API verifies it.
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
