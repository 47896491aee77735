"""The emulated AWS for its root user: the address, and a key that is generated at each start."""

import os
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import botocore.session
from botocore.config import Config

from local.settings import REGION


@dataclass(frozen=True)
class Endpoint:
    """An address and the root user's key.

    Attributes:
        url: The address; empty until it serves.
        tls_url: Its address over TLS, with the certificate in the state directory.
        access_key_id: The root user's key.
        secret_access_key: Its secret; not part of the printed form.
    """

    url: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    tls_url: str = ""

    @classmethod
    def with_new_key(cls) -> Self:
        """Return an endpoint that does not serve yet, with a random key of AWS's form."""
        characters = (secrets.choice(string.ascii_uppercase + "234567") for _ in range(16))
        return cls("", "AKIA" + "".join(characters), secrets.token_hex(20))

    @property
    def key_variables(self) -> Mapping[str, str]:
        """The variables that give AWS tools the key."""
        return {"AWS_ACCESS_KEY_ID": self.access_key_id, "AWS_SECRET_ACCESS_KEY": self.secret_access_key}

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables with which AWS tools act as its root user and ignore the developer's AWS configuration."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            **self.key_variables,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def client(self, service: str, config: Config | None = None) -> Any:
        """Return a botocore client for its root user, which ignores the developer's AWS configuration.

        Args:
            service: The service, such as `dynamodb`.
            config: More settings of the client.
        """
        session = botocore.session.Session()
        for name, value in {"profile": None, "config_file": os.devnull, "credentials_file": os.devnull}.items():
            session.set_config_variable(name, value)
        create: Any = session.create_client  # Its types know a fixed list of services.
        return create(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
            config=Config(proxies={}).merge(config or Config()),  # It is on this machine.
        )
