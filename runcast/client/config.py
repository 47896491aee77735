"""The configurations of a user's and an operator's client, read and validated once.

The first three settings come from Terraform's outputs. The names are the same in every environment.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from runcast.errors import ConfigurationMissing, InvalidInput

_REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-[0-9]+")
_REQUIRED = {
    "graphql_url": "RUNCAST_GRAPHQL_URL",
    "user_pool_client_id": "RUNCAST_USER_POOL_CLIENT_ID",
    "region": "RUNCAST_REGION",
    "username": "RUNCAST_USERNAME",
    "password": "RUNCAST_PASSWORD",
}
_VARIABLES = {**_REQUIRED, "id_token": "RUNCAST_ID_TOKEN"}


@dataclass(frozen=True)
class ClientConfig:
    """The address of a Runcast deployment and the credentials of one user.

    Attributes:
        graphql_url: Terraform's output `graphql_url` (`RUNCAST_GRAPHQL_URL`).
        user_pool_client_id: Terraform's output `user_pool_client_id` (`RUNCAST_USER_POOL_CLIENT_ID`).
        region: The AWS region of the user pool (`RUNCAST_REGION`).
        username: The user who signs in (`RUNCAST_USERNAME`).
        password: The user's password (`RUNCAST_PASSWORD`); not part of the `repr`.
        user_id_claim: The token's claim that names the user; the same as Terraform's variable of that name
            (`RUNCAST_USER_ID_CLAIM`, by default `sub`).

    Raises:
        InvalidInput: `graphql_url` is neither HTTPS nor an HTTP address of this machine, or `region` is not a region.
    """

    graphql_url: str
    user_pool_client_id: str
    region: str
    username: str
    password: str = field(repr=False)
    user_id_claim: str = "sub"

    def __post_init__(self) -> None:
        _require_valid(self.graphql_url, self.region)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> ClientConfig:
        """Read the configuration.

        Raises:
            ConfigurationMissing: Variables are unset or empty; the error names all of them.
            InvalidInput: As for the class.
        """
        return cls(**_read(environment, *_REQUIRED), user_id_claim=environment.get("RUNCAST_USER_ID_CLAIM") or "sub")


@dataclass(frozen=True)
class TokenConfig:
    """The address of a Runcast deployment, and where the tokens of one user of an OpenID Connect provider come from.

    Attributes:
        graphql_url: Terraform's output `graphql_url` (`RUNCAST_GRAPHQL_URL`).
        token: Returns a valid ID token of the user; called in a thread, again before each expiry and each time that
            the service refuses a token.

    Raises:
        InvalidInput: As for `ClientConfig`.
    """

    graphql_url: str
    token: Callable[[], str] = field(repr=False)

    def __post_init__(self) -> None:
        _require_safe(self.graphql_url)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> TokenConfig:
        """Read the configuration. The token is `RUNCAST_ID_TOKEN`, which is not renewed.

        Raises:
            ConfigurationMissing: Variables are unset or empty; the error names all of them.
            InvalidInput: As for `ClientConfig`.
        """
        given = _read(environment, "graphql_url", "id_token")
        return cls(given["graphql_url"], lambda: given["id_token"])


@dataclass(frozen=True)
class OperatorConfig:
    """The address of a Runcast deployment, for an operator with AWS credentials.

    Attributes:
        graphql_url: Terraform's output `graphql_url` (`RUNCAST_GRAPHQL_URL`).
        region: The AWS region of the deployment (`RUNCAST_REGION`).

    Raises:
        InvalidInput: As for `ClientConfig`.
    """

    graphql_url: str
    region: str

    def __post_init__(self) -> None:
        _require_valid(self.graphql_url, self.region)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> OperatorConfig:
        """Read the configuration. Raises the errors of `ClientConfig.from_environment`."""
        return cls(**_read(environment, "graphql_url", "region"))


def _read(environment: Mapping[str, str], *names: str) -> dict[str, str]:
    missing = [_VARIABLES[name] for name in names if not environment.get(_VARIABLES[name])]
    if missing:
        raise ConfigurationMissing(missing)
    return {name: environment[_VARIABLES[name]] for name in names}


def _require_valid(graphql_url: str, region: str) -> None:
    _require_safe(graphql_url)
    if not _REGION.fullmatch(region):
        raise InvalidInput(f"RUNCAST_REGION is {region!r}; give an AWS region, such as eu-west-1.")


def _require_safe(graphql_url: str) -> None:
    # The client sends its token to this address.
    if not is_safe(graphql_url):
        raise InvalidInput(
            f"RUNCAST_GRAPHQL_URL is {graphql_url!r}; give an address that begins with https://"
            " (http:// is for this machine only)."
        )


def is_safe(url: str) -> bool:
    """Return whether a secret may be sent to or contained in a URL: HTTPS, or HTTP on this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost"))
