"""The one door to AWS: clients are made here, once for each process, and reused between invocations.

Each is made when it is first asked for, so that a Lambda pays only for what it uses.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, TypeVar

import boto3
from botocore.config import Config

from chalicelib.ended import EVENTS_CLIENT_CONFIG, Announcer
from chalicelib.tracing import Tracer
from runcast.live.publish import LIVE_CLIENT_CONFIG, StatusPublisher
from runcast.record.store import STORE_CLIENT_CONFIG, RunStore

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from botocore.credentials import Credentials
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient

AnyClient = TypeVar("AnyClient", bound="BaseClient")

# Handing a run over is worth more patience than a status message, but must not be tried twice: whoever starts a run
# is told that it failed, and decides.
_INVOKE_CLIENT_CONFIG = Config(
    connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 1}, tcp_keepalive=True
)


@cache
def tracer() -> Tracer:
    """Return what tells X-Ray of our calls."""
    return Tracer()


@cache
def dynamodb() -> DynamoDBClient:
    """Return the client for all tables: brief time-outs, no retries."""
    return _watched(boto3.client("dynamodb", config=STORE_CLIENT_CONFIG))


@cache
def run_store(table_name: str, retention_hours: int = 24) -> RunStore:
    """Return the store of records in the table `table_name`; those that it creates are kept for `retention_hours`."""
    return RunStore(dynamodb(), table_name, retention_seconds=retention_hours * 3600)


@cache
def status_publisher(function_name: str) -> StatusPublisher:
    """Return what hands status messages to the Lambda `function_name`."""
    return StatusPublisher(_watched(boto3.client("lambda", config=LIVE_CLIENT_CONFIG)), function_name)


@cache
def announcer(status_publisher_function: str) -> Announcer:
    """Return what tells of the ends of runs, live by the Lambda `status_publisher_function`."""
    events = _watched(boto3.client("events", config=EVENTS_CLIENT_CONFIG))
    return Announcer(status_publisher(status_publisher_function).send, events)


@cache
def invoker() -> LambdaClient:
    """Return the client that hands runs to the agent Lambda."""
    return _watched(boto3.client("lambda", config=_INVOKE_CLIENT_CONFIG))


@cache
def credentials() -> Credentials | None:
    """Return this process's credentials, which renew themselves; None if there are none."""
    return boto3.Session().get_credentials()


def _watched(client: AnyClient) -> AnyClient:
    """Let the tracer see a client's calls; every client here must be."""
    tracer().watch(client.meta.events)
    return client
