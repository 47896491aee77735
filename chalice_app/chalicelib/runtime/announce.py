"""Announces the end of a run: as a live message to watching clients, and as the EventBridge event `run.ended`.

The process that wrote the end announces it, after the end is stored. Announcements are best effort: the record has the
end in any case.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.runtime import clients
from runcast.record.close import CloseResult
from runcast.record.model import Json, RunEnded

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

logger = logging.getLogger(__name__)

SOURCE = "runcast"
DETAIL_TYPE = "run.ended"


class Announcer:
    """Announces ends. Never raises and never retries.

    Args:
        send: Sends status messages and returns the number handed over; must not raise.
        events: An EventBridge client that does not retry.
    """

    def __init__(self, send: Callable[[list[Json]], int], events: EventBridgeClient) -> None:
        self._send = send
        self._events = events

    def announce(self, result: CloseResult | None) -> None:
        """Announce an end that no worker has written, or a cancel request, but only if this caller wrote it."""
        if result and result.update:
            self._send([result.update])
        if result and result.ended:
            self.put_event(result.ended)

    def put_event(self, ended: RunEnded) -> None:
        """Put the event `run.ended` on the account's default bus."""
        try:
            answer = self._events.put_events(
                Entries=[{"Source": SOURCE, "DetailType": DETAIL_TYPE, "Detail": json.dumps(_detail(ended))}]
            )
        except (BotoCoreError, ClientError) as error:
            logger.warning("the event run.ended of run %s was not sent: %s", ended.request_id, error)
            return
        if answer["FailedEntryCount"]:
            logger.warning("EventBridge refused the event run.ended of run %s: %s", ended.request_id, answer["Entries"])


@cache
def announcer(status_publisher_function: str) -> Announcer:
    """Return this process's announcer, which sends live messages through the Lambda `status_publisher_function`."""
    return Announcer(clients.status_publisher(status_publisher_function).send, clients.events())


def _detail(ended: RunEnded) -> Json:
    return {
        "requestId": ended.request_id,
        "jobId": ended.job_id,
        "agent": ended.agent,
        "userId": ended.owner.user_id,
        "tenantId": ended.owner.tenant_id,
        "status": ended.status.value,
        "reason": ended.reason,
        "elapsed": ended.elapsed_seconds,
        "steps": ended.steps,
    }
