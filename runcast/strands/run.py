"""The run that a tracked agent works for: found in what it was invoked with, opened, and ended.

The agent may be one of hundreds on an event loop, so nothing here waits on that loop's thread: the claim is answered
while the agent works, and the end is flushed on a thread of the run's own.
"""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import Any, NamedTuple

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from runcast import limits
from runcast.clock import epoch_ms
from runcast.errors import InvalidInput
from runcast.live.publish import LIVE_CLIENT_CONFIG, StatusPublisher
from runcast.record.identity import run_identity
from runcast.record.model import Json
from runcast.record.recorder import Recorder
from runcast.record.store import STORE_CLIENT_CONFIG, RunStore
from runcast.strands.outcome import Outcome
from runcast.strands.stop import AgentStop
from runcast.text import shortened

logger = logging.getLogger(__name__)

_CONNECTIONS = 50  # as many runs of one process may write at once


class TrackedRun:
    """An open run.

    Args:
        recorder: Takes its steps.
        given: What the agent was invoked with to name the run.
        owned: Whether the run ends with the agent; otherwise whoever has made the recorder ends it.

    Attributes:
        stop: Stops the run's agents when the recorder says so.
    """

    def __init__(self, recorder: Recorder, given: object, *, owned: bool) -> None:
        self.recorder = recorder
        self.owned = owned
        self.stop = AgentStop()
        self._given = given
        self._ended = False
        recorder.when_stopped(self.stop)

    def includes(self, given: object) -> bool:
        """Whether an agent that is invoked inside this run, with `given` to name its run, works for this one."""
        if self._ended:
            return False
        return given is None or given is self._given or _request_id(given) == self.recorder.request_id

    def end(self, outcome: Outcome) -> Future[Any] | None:
        """Begin to end the run, if it is owned and open; return what is done within `ADDED_TIME_SECONDS`."""
        if not self.owned or self._ended:
            return None
        self._ended = True
        pool = ThreadPoolExecutor(1, thread_name_prefix="runcast-end")
        ending: Future[Any] = pool.submit(
            self.recorder.end,
            outcome.status,
            outcome.message,
            result=outcome.result,
            error=outcome.error,
            metadata=outcome.metadata,
        )
        pool.shutdown(wait=False)
        return ending


def open_run(
    given: object,
    *,
    agent: str,
    now_ms: Callable[[], int] = epoch_ms,
    new_id: Callable[[], uuid.UUID] = uuid.uuid4,
) -> TrackedRun | None:
    """Return the run that an agent shall work for; None, with one warning for a process, where no table is known.

    Args:
        given: A `Recorder`, whose run is then somebody else's to end; or a mapping that names the run (see
            `run_identity`; besides, `agent`, and `lambdaContext` in a Lambda); or None for a new run of nobody's.
        agent: What runs, unless `given` says it.
        now_ms: The wall clock.
        new_id: Makes ids.

    Raises:
        InvalidInput: `given` does not fit.
    """
    if isinstance(given, Recorder):
        return TrackedRun(given, given, owned=False)
    if given is not None and not isinstance(given, Mapping):
        raise InvalidInput("invocation_state['runcast'] must be a mapping such as {'requestId': ...}, or a Recorder.")
    recorder = recorder_of(given or {}, agent=agent, now_ms=now_ms, new_id=new_id)
    if recorder is None:
        return None
    recorder.claim(wait_seconds=0)
    logger.info("run %s begins", recorder.request_id)
    return TrackedRun(recorder, given, owned=True)


def recorder_of(
    event: Mapping[str, Any],
    *,
    agent: str,
    now_ms: Callable[[], int] = epoch_ms,
    new_id: Callable[[], uuid.UUID] = uuid.uuid4,
) -> Recorder | None:
    """Return the recorder of a run, which is not claimed yet; None, with one warning, where no table is known.

    Args:
        event: Names the run (see `run_identity`; besides, `agent`, and `lambdaContext` in a Lambda).
        agent: What runs, unless the event says it.
        now_ms: The wall clock.
        new_id: Makes ids.

    Raises:
        InvalidInput: The event does not fit.
    """
    destination = _destination(
        os.environ.get("AGENT_PROGRESS_TABLE", ""),
        os.environ.get("STATUS_PUBLISHER_FUNCTION", ""),
        os.environ.get("RETENTION_HOURS", ""),
    )
    if destination is None:
        return None
    context = event.get("lambdaContext")
    invocation_id = context.aws_request_id if context else str(new_id())
    identity = run_identity(event, request_id=invocation_id)
    return Recorder(
        destination.store,
        request_id=identity.request_id,
        owner=identity.owner,
        agent=shortened(event.get("agent") or agent, limits.NAME_MAX_CHARACTERS),
        worker=f"{invocation_id}/{new_id().hex}",
        job_id=identity.job_id,
        deadline_ms=now_ms() + int(context.get_remaining_time_in_millis()) if context else None,
        publish=destination.publish,
        now_ms=now_ms,
    )


class _Destination(NamedTuple):
    store: RunStore
    publish: Callable[[list[Json]], int] | None


@cache
def _destination(table_name: str, function_name: str, retention_hours: str) -> _Destination | None:
    if not table_name:
        logger.warning("AGENT_PROGRESS_TABLE is not set, so runs are not recorded. Set it to the table's name.")
        return None
    # Not boto3's own session, which two threads may not use at once; and AWS_REGION, because containers set it and
    # boto3 does not look at it.
    session = boto3.Session(region_name=os.environ.get("AWS_REGION"))
    many = Config(max_pool_connections=_CONNECTIONS)
    try:
        dynamodb = session.client("dynamodb", config=STORE_CLIENT_CONFIG.merge(many))
        store = RunStore(dynamodb, table_name, retention_seconds=_retention_seconds(retention_hours))
        if not function_name:
            return _Destination(store, None)
        live = StatusPublisher(session.client("lambda", config=LIVE_CLIENT_CONFIG.merge(many)), function_name)
    except BotoCoreError as error:
        logger.warning("Runs are not recorded: %s", error)
        return None
    return _Destination(store, live.send)


def _retention_seconds(hours: str) -> int:
    if not hours:
        return limits.RETENTION_SECONDS
    if hours.isascii() and hours.isdecimal() and 1 <= int(hours) <= limits.RETENTION_MAX_HOURS:
        return int(hours) * 3600
    logger.warning(
        "RETENTION_HOURS must be a whole number from 1 to %d, not %r: records are kept for %d hours.",
        limits.RETENTION_MAX_HOURS,
        hours,
        limits.RETENTION_SECONDS // 3600,
    )
    return limits.RETENTION_SECONDS


def _request_id(given: object) -> str | None:
    """Return the id of the run that `given` names; None if it names none."""
    if isinstance(given, Recorder):
        return given.request_id
    if not isinstance(given, Mapping):
        return None
    try:
        return run_identity(given, request_id="").request_id
    except InvalidInput:
        return None
