"""Where the provider's calls go: one emulator on a loopback address, and never AWS.

The provider carries the name of the real one, so a wrong setting could otherwise touch a real account. It is configured
from the environment alone, like the real provider in a module without a provider block.
"""

import functools
import ipaddress
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

_LOCK = threading.Lock()


class NotLocal(ValueError):
    """The configuration names no endpoint, or one that is not on this machine."""


@dataclass(frozen=True)
class Cloud:
    """The emulator: its address, and the facts that templates may name.

    Attributes:
        endpoint: URL on a loopback address.
        region: the region of resources that name none.
        account: twelve digits.
    """

    endpoint: str
    region: str
    account: str

    @property
    def facts(self) -> dict[str, str]:
        """`region`, `account`, `partition` and `endpoint`, as templates name them."""
        return {"region": self.region, "account": self.account, "partition": "aws", "endpoint": self.endpoint}

    def client(self, service: str, region: str | None = None) -> Any:
        """A boto3 client, made once for each service and region."""
        return _client(service, region or self.region, self.endpoint)


def cloud_from(environment: Mapping[str, str]) -> Cloud:
    """Reads AWS_ENDPOINT_URL and AWS_REGION (or AWS_DEFAULT_REGION), and asks the emulator for the account.

    Raises:
        NotLocal: no endpoint, no region, or an endpoint that is not loopback.
    """
    endpoint = environment.get("AWS_ENDPOINT_URL", "")
    region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or ""
    missing = [name for name, value in (("AWS_ENDPOINT_URL", endpoint), ("AWS_REGION", region)) if not value]
    if missing:
        raise NotLocal(f"Set {' and '.join(missing)}: the local provider is configured from the environment.")
    require_loopback(endpoint)
    account = _client("sts", region, endpoint).get_caller_identity()["Account"]
    return Cloud(endpoint, region, account)


def require_loopback(endpoint: str) -> None:
    """Refuses every address but this machine's own.

    Raises:
        NotLocal: the endpoint's host is neither `localhost` nor a loopback address.
    """
    host = urlsplit(endpoint).hostname or ""
    try:
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local:
        raise NotLocal(
            f"AWS_ENDPOINT_URL is {endpoint!r}, which is not on this machine. The local provider talks only to a"
            " loopback address such as http://127.0.0.1:4566; to deploy to AWS, use the real hashicorp/aws."
        )


def _client(service: str, region: str, endpoint: str) -> Any:
    with _LOCK:  # making a client is not thread-safe, using one is; Terraform calls ten at once
        return _cached_client(service, region, endpoint)


@functools.cache
def _cached_client(service: str, region: str, endpoint: str) -> Any:
    # Here, because Terraform often starts the provider only for its schema, and boto3 would take half of that time.
    import boto3
    from botocore.config import Config

    from local.service_model import EVENT, refuse_invalid

    # No proxies: a loopback address must not travel through one.
    # urllib3 applies the connect timeout while it sends, too, and a busy emulator reads a package slowly.
    config = Config(retries={"max_attempts": 2}, proxies={}, connect_timeout=60, read_timeout=60)
    make_client: Any = boto3.client  # its stubs want the service's name as a literal
    client = make_client(service, region_name=region, endpoint_url=endpoint, config=config)
    client.meta.events.register(EVENT, refuse_invalid)
    return client
