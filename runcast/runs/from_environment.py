"""Recorders for this process's runs, with the table and the live channel that the environment names.

The clients are created once per process, those of the records on a thread, because that takes 100 to 150 ms and must
not block an event loop. A forked child creates them again: otherwise it would share its parent's connections and mix up
responses.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache, partial
from threading import Lock
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.config import Config
from botocore.exceptions import BotoCoreError

from runcast import limits
from runcast.errors import ConfigurationMissing, InvalidInput
from runcast.live.publish import LIVE_CLIENT_CONFIG, StatusPublisher
from runcast.record.handover import EndHandover, report_to_job
from runcast.record.identity import RunIdentity, part_of, run_identity
from runcast.record.model import Json, RunEnded
from runcast.record.objects import PrivateObjects
from runcast.record.prices import ModelPrice, prices_of
from runcast.record.recorder import Recorder
from runcast.record.store import STORE_CLIENT_CONFIG, RunStore
from runcast.text import shortened

if TYPE_CHECKING:
    import boto3

logger = logging.getLogger(__name__)

_CONNECTIONS = 50  # the number of runs of one process that can write at the same time
_S3_CLIENT_CONFIG = Config(connect_timeout=2, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})
_RETENTION = (limits.RETENTION_MIN_HOURS, limits.RETENTION_MAX_HOURS, limits.RETENTION_SECONDS)
_QUESTION_RETENTION = (
    limits.QUESTION_RETENTION_MIN_HOURS,
    limits.QUESTION_RETENTION_MAX_HOURS,
    limits.QUESTION_RETENTION_SECONDS,
)


class Destination(NamedTuple):
    """Where runs are recorded and sent. Its functions must not raise.

    Attributes:
        store: The records.
        send: Sends status messages and returns how many were handed over; None without a live channel.
        hand_over: Hands an end that could not be stored in time to `run_closer`, and returns whether it was taken.
        on_end: Called after a run's end, or the question for which it waits, is stored.
        model_prices: What tokens cost, by model id.
        spend: Called with a run's recorder and the tokens of each of its model calls; returns at once.
    """

    store: RunStore
    send: Callable[[list[Json]], int] | None
    hand_over: Callable[[Json], bool] | None = None
    on_end: Callable[[RunEnded], None] | None = None
    model_prices: Mapping[str, ModelPrice] = MappingProxyType({})
    spend: Callable[[Recorder, int], None] | None = None


class _Settings(NamedTuple):
    table_name: str
    publisher_function: str
    closer_function: str
    retention_hours: str
    question_retention_hours: str
    model_prices: str


class _Destinations:
    """The destinations and the private objects of this process, cached by their settings."""

    def __init__(self) -> None:
        self._known: dict[_Settings, Destination | None] = {}
        self._objects: dict[str, PrivateObjects] = {}
        self._making = Lock()

    def __contains__(self, settings: _Settings) -> bool:
        return settings in self._known

    def get(self, settings: _Settings) -> Destination | None:
        with self._making:
            if settings not in self._known:
                self._known[settings] = _made(settings)
            return self._known[settings]

    def objects(self, bucket: str) -> PrivateObjects:
        with self._making:
            if bucket not in self._objects:
                s3 = cache(partial(_session().client, "s3", config=_S3_CLIENT_CONFIG))
                self._objects[bucket] = PrivateObjects(s3, bucket)
            return self._objects[bucket]


_destinations = _Destinations()


def recorder_of(
    event: Mapping[str, Any],
    *,
    agent: str,
    answered: frozenset[str] = frozenset(),
    loads_state: bool = False,
    new_id: Callable[[], uuid.UUID] = uuid.uuid4,
) -> Recorder | None:
    """Return the recorder of an unclaimed run; None, with one warning, if no table is configured.

    Args:
        event: Names the run: the fields of `run_identity`, and optionally `agent`, `awaited`, `part` of a run that was
            answered and, in a Lambda, `lambdaContext`.
        agent: The agent's name, unless the event has one.
        answered: The ids of the run's questions for which the agent receives the answers.
        loads_state: Whether the work continues the run from the state that its record names.
        new_id: Generates ids.

    Raises:
        InvalidInput: The event is invalid.
    """
    destination = destination_of_environment()
    if destination is None:
        return None
    part = part_of(event)
    context = event.get("lambdaContext")
    invocation_id = context.aws_request_id if context else str(new_id())
    return recorder_for(
        run_identity(event, request_id=invocation_id),
        destination,
        agent=shortened(event.get("agent") or agent, limits.NAME_MAX_CHARACTERS),
        invocation_id=invocation_id,
        remaining_ms=context.get_remaining_time_in_millis() if context else None,
        awaited=event.get("awaited") is not False,
        part=part,
        # The starter that names a part has taken the answers already.
        answered=answered if part == 1 else frozenset(),
        loads_state=loads_state,
        new_id=new_id,
    )


def recorder_for(
    identity: RunIdentity,
    destination: Destination,
    *,
    agent: str,
    invocation_id: str,
    remaining_ms: float | None,
    awaited: bool,
    part: int = 1,
    answered: frozenset[str] = frozenset(),
    loads_state: bool = False,
    new_id: Callable[[], uuid.UUID] = uuid.uuid4,
    monotonic: Callable[[], float] = time.monotonic,
) -> Recorder:
    """Return the recorder of an unclaimed run.

    Args:
        identity: Which run it is, and whose.
        destination: Where it is recorded.
        agent: The agent's name.
        invocation_id: The invocation that does the run. A worker's name begins with it, and `run_closer` finds the
            run of a failed invocation by it.
        remaining_ms: Milliseconds until the worker is stopped; None if it has no deadline.
        awaited: Whether the invoker waits for the answer.
        part: Which part of the run the invocation does.
        answered: The ids of the run's questions for which the agent receives the answers.
        loads_state: Whether the work continues the run from the state that its record names.
        new_id: Generates ids.
        monotonic: A monotonic clock, seconds.
    """
    return Recorder(
        destination.store,
        request_id=identity.request_id,
        owner=identity.owner,
        agent=agent,
        worker=f"{invocation_id}/{new_id().hex}",
        job_id=identity.job_id,
        created_at_ms=identity.created_at_ms,
        part=part,
        answered=answered,
        loads_state=loads_state,
        remaining_ms=remaining_ms,
        awaited=awaited,
        hand_over=destination.hand_over,
        send=destination.send,
        on_end=destination.on_end,
        model_prices=destination.model_prices,
        spend=destination.spend,
        monotonic=monotonic,
    )


def destination_of_environment() -> Destination | None:
    """Return the destination that the environment names; None, with one warning, if it is missing or invalid."""
    return _destinations.get(_settings())


def private_objects_of_environment() -> PrivateObjects:
    """Return the private objects of the bucket that the environment names.

    Raises:
        ConfigurationMissing: `RESULTS_BUCKET` is not set. Set what Terraform's output `recorder_environment` has.
    """
    bucket = os.environ.get("RESULTS_BUCKET")
    if not bucket:
        raise ConfigurationMissing(["RESULTS_BUCKET"])
    return _destinations.objects(bucket)


async def make_clients() -> None:
    """Create the clients of the environment's destination, unless they exist, without blocking the event loop."""
    settings = _settings()
    if settings not in _destinations:
        with suppress(RuntimeError):  # no thread can be started; the clients are created on first use
            await asyncio.to_thread(_destinations.get, settings)


def forget_clients() -> None:
    """Discard the clients, so that the next use creates new ones."""
    # Replaces the lock, too: a thread that does not exist in a forked child may hold it.
    global _destinations
    _destinations = _Destinations()


os.register_at_fork(after_in_child=forget_clients)


def _settings() -> _Settings:
    names = (
        "AGENT_PROGRESS_TABLE",
        "STATUS_PUBLISHER_FUNCTION",
        "RUN_CLOSER_FUNCTION",
        "RETENTION_HOURS",
        "QUESTION_RETENTION_HOURS",
        "MODEL_PRICES",
    )
    return _Settings(*(os.environ.get(name, "") for name in names))


def _made(settings: _Settings) -> Destination | None:
    if not settings.table_name:
        logger.warning("AGENT_PROGRESS_TABLE is not set, so runs are not recorded. Set it to the table's name.")
        return None
    session = _session()
    many = Config(max_pool_connections=_CONNECTIONS)
    try:
        dynamodb = session.client("dynamodb", config=STORE_CLIENT_CONFIG.merge(many))
        store = RunStore(
            dynamodb,
            settings.table_name,
            retention_seconds=_seconds("RETENTION_HOURS", settings.retention_hours, *_RETENTION),
            question_retention_seconds=_seconds(
                "QUESTION_RETENTION_HOURS", settings.question_retention_hours, *_QUESTION_RETENTION
            ),
        )
        prices = _prices(settings.model_prices)
        publisher, closer = settings.publisher_function, settings.closer_function
        if not (publisher or closer):
            return Destination(store, None, model_prices=prices)
        invoker = session.client("lambda", config=LIVE_CLIENT_CONFIG.merge(many))
    except BotoCoreError as error:
        logger.warning("Runs are not recorded: %s", error)
        return None
    send = StatusPublisher(lambda: invoker, publisher).send if publisher else None
    if not closer:
        return Destination(store, send, model_prices=prices)
    hand_over = EndHandover(lambda: invoker, closer).send
    return Destination(store, send, hand_over, partial(report_to_job, hand_over), prices)


def _session() -> boto3.Session:
    import boto3  # Runcast's own Lambda has other clients, and starts without boto3

    # A separate session, because boto3's default session is not thread-safe. The region comes from AWS_REGION, which
    # containers set and boto3 does not read.
    return boto3.Session(region_name=os.environ.get("AWS_REGION"))


def _prices(text: str) -> Mapping[str, ModelPrice]:
    try:
        return prices_of(text)
    except InvalidInput as error:
        logger.warning("Runs are recorded without their cost: %s", error)
        return {}


def _seconds(variable: str, hours: str, minimum: int, maximum: int, default_seconds: int) -> int:
    if not hours:
        return default_seconds
    if hours.isascii() and hours.isdecimal() and minimum <= int(hours) <= maximum:
        return int(hours) * 3600
    default_hours = default_seconds // 3600
    text = "%s must be a whole number from %d to %d, not %r: %d is used."
    logger.warning(text, variable, minimum, maximum, hours, default_hours)
    return default_seconds
