"""Announces the end of a run: as a live message to watching clients, and as the EventBridge event `run.ended`.

A run that begins to wait for an answer is announced as the event `run.waiting`. The process that wrote the end or the
question announces it, after it is stored. Announcements are best effort: the record has the content in any case.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from chalicelib.runtime import clients
from runcast.json_text import json_text
from runcast.record.close import CloseResult
from runcast.record.model import Json, RunEnded, RunStatus

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

logger = logging.getLogger(__name__)

SOURCE = "runcast"


class Announcer:
    """Announces ends. Never raises and never retries.

    Args:
        send: Sends status messages and returns the number handed over; must not raise.
        events: Returns an EventBridge client that does not retry; called when there is an event.
    """

    def __init__(self, send: Callable[[list[Json]], int], events: Callable[[], EventBridgeClient]) -> None:
        self._send = send
        self._events = events

    def announce(self, result: CloseResult | None) -> None:
        """Announce an end that no worker has written, or a cancel request, but only if this caller wrote it."""
        if result and result.update:
            self._send([result.update])
        if result and result.ended:
            self.put_event(result.ended)

    def put_event(self, ended: RunEnded) -> None:
        """Put the event `run.ended`, or `run.waiting` of a run that waits, on the account's default bus."""
        kind = "run.waiting" if ended.status is RunStatus.WAITING else "run.ended"
        try:
            answer = self._events().put_events(
                Entries=[{"Source": SOURCE, "DetailType": kind, "Detail": json_text(_detail(ended))}]
            )
        except Exception as error:  # noqa: BLE001 - the end is stored, and what follows it must not be left out
            logger.warning("the event %s of run %s was not sent: %s", kind, ended.request_id, error)
            return
        if answer["FailedEntryCount"]:
            logger.warning("EventBridge refused the event %s of run %s: %s", kind, ended.request_id, answer["Entries"])


@cache
def announcer(status_publisher_function: str) -> Announcer:
    """Return this process's announcer, which sends live messages through the Lambda `status_publisher_function`."""
    return Announcer(clients.status_publisher(status_publisher_function).send, clients.events)


def _detail(ended: RunEnded) -> Json:
    # Questions are at most QUESTIONS_MAX_BYTES, so the entry stays below EventBridge's 256 KB.
    # Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html
    waiting = ended.status is RunStatus.WAITING
    return {
        "requestId": ended.request_id,
        "jobId": ended.job_id,
        "agent": ended.agent,
        "userId": ended.owner.user_id,
        "tenantId": ended.owner.tenant_id,
        **({"questions": ended.questions} if waiting else {"status": ended.status.value, "reason": ended.reason}),
        "elapsed": ended.elapsed_seconds,
        "steps": ended.steps,
    }
