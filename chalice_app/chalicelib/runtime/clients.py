"""Creates all AWS clients, once for each process, and reuses them between invocations.

Each client is created on first use, so that a Lambda pays only for the clients it needs. They come from botocore:
importing boto3, which adds nothing to them, would take a fifth of a small Lambda's start.
"""

from __future__ import annotations

from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

from botocore.config import Config
from botocore.session import Session, get_session

from chalicelib.runtime.tracing import Tracer
from runcast.live.publish import LIVE_CLIENT_CONFIG, StatusPublisher
from runcast.record.handover import EndHandover
from runcast.record.owner_counts import OwnerCounts
from runcast.record.store import STORE_CLIENT_CONFIG, RunStore
from runcast.record.table import Table

if TYPE_CHECKING:
    from botocore.credentials import Credentials
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient

# A session is not thread-safe, and the agent's Lambda creates clients on its own threads and on those of its recorder.
# Source: https://boto3.amazonaws.com/v1/documentation/api/latest/guide/session.html#multithreading-or-multiprocessing-with-sessions
_creating = Lock()

# Handing over a run or a job has longer timeouts than a status message, but is never retried: the caller gets the error
# and decides.
_INVOKE_CLIENT_CONFIG = Config(
    connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 1}, tcp_keepalive=True
)

# For API answers. A recorder may delay its run by one second only; a user waits longer. Every write is conditional, so
# the retry of a write that took effect is refused, and the refusal returns the current record. Three attempts and the
# pauses between them take at most 9 s, and clients wait 10 s for a read.
# Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
_ANSWERS_CLIENT_CONFIG = Config(
    connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 3}, tcp_keepalive=True
)

_EVENTS_CLIENT_CONFIG = Config(
    connect_timeout=1, read_timeout=1, retries={"mode": "standard", "total_max_attempts": 1}, tcp_keepalive=True
)

_BUCKET_CLIENT_CONFIG = Config(
    connect_timeout=2, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3}, tcp_keepalive=True
)


@cache
def tracer() -> Tracer:
    """Return the tracer, which reports our calls to X-Ray."""
    return Tracer()


@cache
def dynamodb() -> DynamoDBClient:
    """Return the client for all tables. It has short timeouts and does not retry."""
    return cast("DynamoDBClient", _client("dynamodb", STORE_CLIENT_CONFIG))


@cache
def run_store(table_name: str, retention_hours: int = 24, question_retention_hours: int = 168) -> RunStore:
    """Return the store of the records in `table_name`.

    Args:
        table_name: The table.
        retention_hours: How long it keeps new records.
        question_retention_hours: How long it keeps a run that begins to wait for an answer, from then on.
    """
    return _run_store(dynamodb(), table_name, retention_hours, question_retention_hours)


@cache
def answering_store(
    table_name: str,
    retention_hours: int = 24,
    question_retention_hours: int = 168,
    conversation_retention_days: int = 30,
) -> RunStore:
    """Return a store for the APIs, like `run_store` but with retries for as long as a user waits.

    Args:
        table_name: The table.
        retention_hours: How long it keeps new records.
        question_retention_hours: How long it keeps a run that begins to wait for an answer, from then on.
        conversation_retention_days: How long it keeps a conversation after its last complete run.
    """
    client = _client("dynamodb", _ANSWERS_CLIENT_CONFIG)
    return _run_store(client, table_name, retention_hours, question_retention_hours, conversation_retention_days)


@cache
def owner_counts(table_name: str) -> OwnerCounts:
    """Return the counts of owners in the table of records. The client does not retry: a retry would count twice."""
    return OwnerCounts(Table(dynamodb(), table_name))


@cache
def live_invoker() -> LambdaClient:
    """Return the client that hands status messages, and ends that could not be stored in time, to their Lambdas."""
    return cast("LambdaClient", _client("lambda", LIVE_CLIENT_CONFIG))


@cache
def status_publisher(function_name: str) -> StatusPublisher:
    """Return the publisher that hands status messages to the Lambda `function_name`."""
    return StatusPublisher(live_invoker, function_name)


@cache
def end_handover(run_closer_function: str) -> EndHandover:
    """Return the hand-over that sends ends to `run_closer_function` if they could not be stored in time."""
    return EndHandover(live_invoker, run_closer_function)


@cache
def events() -> EventBridgeClient:
    """Return the client for EventBridge. It has short timeouts and does not retry."""
    return cast("EventBridgeClient", _client("events", _EVENTS_CLIENT_CONFIG))


@cache
def invoker() -> LambdaClient:
    """Return the client that hands runs to the agent Lambda."""
    return cast("LambdaClient", _client("lambda", _INVOKE_CLIENT_CONFIG))


@cache
def step_functions() -> SFNClient:
    """Return the client that starts and stops executions."""
    return cast("SFNClient", _client("stepfunctions", _INVOKE_CLIENT_CONFIG))


@cache
def link_signer() -> S3Client:
    """Return the client that signs links. It makes no calls, so there is nothing to trace."""
    # Links use the bucket's regional host: S3 redirects from its global host, the signature covers the host, and the
    # console's content security policy has the regional one.
    config = Config(
        signature_version="s3v4", s3={"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"}
    )
    return cast("S3Client", _session().create_client("s3", config=config))


@cache
def bedrock(connect_timeout_seconds: int, read_timeout_seconds: int, max_attempts: int) -> BedrockRuntimeClient:
    """Return the client for model calls that do not stream."""
    config = Config(
        connect_timeout=connect_timeout_seconds,
        read_timeout=read_timeout_seconds,
        retries={"mode": "standard", "total_max_attempts": max_attempts},
    )
    return cast("BedrockRuntimeClient", _client("bedrock-runtime", config))


@cache
def s3() -> S3Client:
    """Return the client for the private bucket."""
    return cast("S3Client", _client("s3", _BUCKET_CLIENT_CONFIG))


@cache
def answering_s3() -> S3Client:
    """Return the client for the private bucket for the APIs, with retries for as long as a user waits."""
    return cast("S3Client", _client("s3", _ANSWERS_CLIENT_CONFIG))


@cache
def credentials() -> Credentials | None:
    """Return this process's credentials, which refresh themselves; None if there are none."""
    return _session().get_credentials()


def _run_store(
    client: DynamoDBClient,
    table_name: str,
    retention_hours: int,
    question_retention_hours: int,
    conversation_retention_days: int = 30,
) -> RunStore:
    return RunStore(
        client,
        table_name,
        retention_seconds=retention_hours * 3600,
        question_retention_seconds=question_retention_hours * 3600,
        conversation_retention_seconds=conversation_retention_days * 24 * 3600,
    )


@cache
def _session() -> Session:
    return get_session()


def _client(service: str, config: Config) -> Any:
    """Create a client whose calls are traced."""
    with _creating:
        client = _session().create_client(service, config=config)
    tracer().watch(client.meta.events)
    return client
