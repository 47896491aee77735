"""The one door to AWS: clients are made here, once for each process, and reused between invocations.

Each is made when it is first asked for, so that a Lambda pays only for what it uses.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, TypeVar

import boto3
from botocore.config import Config

from chalicelib.runtime.tracing import Tracer
from runcast.live.publish import LIVE_CLIENT_CONFIG, StatusPublisher
from runcast.record.handover import EndHandover
from runcast.record.store import STORE_CLIENT_CONFIG, RunStore

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from botocore.credentials import Credentials
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient

AnyClient = TypeVar("AnyClient", bound="BaseClient")

# Handing a run or a job over is worth more patience than a status message, but must not be tried twice: whoever starts
# one is told that it failed, and decides.
_INVOKE_CLIENT_CONFIG = Config(
    connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 1}, tcp_keepalive=True
)

# For answers to users. A recorder has one second for its run; a user waits longer. Every write is conditional, so the
# retry of a write that took effect is refused with the record as it is. Three tries and their pauses take at most 9 s,
# and clients wait 10 s for a read.
# Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
_ANSWERS_CLIENT_CONFIG = Config(
    connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 3}, tcp_keepalive=True
)

_EVENTS_CLIENT_CONFIG = Config(
    connect_timeout=1, read_timeout=1, retries={"mode": "standard", "total_max_attempts": 1}, tcp_keepalive=True
)

_RESULTS_CLIENT_CONFIG = Config(
    connect_timeout=2, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3}, tcp_keepalive=True
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
def answering_store(table_name: str, retention_hours: int = 24) -> RunStore:
    """Return the store as `run_store` does, for readers and starters: it retries for as long as a user waits."""
    client = _watched(boto3.client("dynamodb", config=_ANSWERS_CLIENT_CONFIG))
    return RunStore(client, table_name, retention_seconds=retention_hours * 3600)


@cache
def status_publisher(function_name: str) -> StatusPublisher:
    """Return what hands status messages to the Lambda `function_name`."""
    return StatusPublisher(_watched(boto3.client("lambda", config=LIVE_CLIENT_CONFIG)), function_name)


@cache
def end_handover(run_closer_function: str) -> EndHandover:
    """Return what hands ends that could not be stored in time to the Lambda `run_closer_function`."""
    return EndHandover(_watched(boto3.client("lambda", config=LIVE_CLIENT_CONFIG)), run_closer_function)


@cache
def events() -> EventBridgeClient:
    """Return the client for EventBridge: brief time-outs, no retries."""
    return _watched(boto3.client("events", config=_EVENTS_CLIENT_CONFIG))


@cache
def invoker() -> LambdaClient:
    """Return the client that hands runs to the agent Lambda."""
    return _watched(boto3.client("lambda", config=_INVOKE_CLIENT_CONFIG))


@cache
def step_functions() -> SFNClient:
    """Return the client that starts and stops executions."""
    return _watched(boto3.client("stepfunctions", config=_INVOKE_CLIENT_CONFIG))


@cache
def link_signer() -> S3Client:
    """Return the client that signs links; it calls nothing, so the tracer has nothing to see."""
    # To the bucket's own host in its region: S3 redirects from its global host, and the host is part of what is signed.
    return boto3.client("s3", config=Config(signature_version="s3v4", s3={"addressing_style": "virtual"}))


@lru_cache(maxsize=4)  # most agents of a playbook have the same time; a worker lives long enough to meet every other
def waiting_invoker(read_timeout_seconds: int) -> LambdaClient:
    """Return a client that waits so long for an agent's answer, and invokes it once: the record says what came of it.

    A connection that is silent for minutes is kept alive, or a network in between would forget it.
    """
    config = _INVOKE_CLIENT_CONFIG.merge(Config(read_timeout=read_timeout_seconds))
    return _watched(boto3.client("lambda", config=config))


@cache
def bedrock(connect_timeout_seconds: int, read_timeout_seconds: int, max_attempts: int) -> BedrockRuntimeClient:
    """Return the client for a model's answer in one piece."""
    config = Config(
        connect_timeout=connect_timeout_seconds,
        read_timeout=read_timeout_seconds,
        retries={"mode": "standard", "total_max_attempts": max_attempts},
    )
    return _watched(boto3.client("bedrock-runtime", config=config))


@cache
def s3() -> S3Client:
    """Return the client for the bucket of results."""
    return _watched(boto3.client("s3", config=_RESULTS_CLIENT_CONFIG))


@cache
def credentials() -> Credentials | None:
    """Return this process's credentials, which renew themselves; None if there are none."""
    return boto3.Session().get_credentials()


def _watched(client: AnyClient) -> AnyClient:
    """Let the tracer see a client's calls; every client here that calls must be."""
    tracer().watch(client.meta.events)
    return client
