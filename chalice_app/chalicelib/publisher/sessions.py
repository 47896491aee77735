"""Finds the users who may be watching: those with a recent subscription.

Each message costs an AppSync request even if nobody watches, so users without a session are skipped. A session is only
a hint, because AppSync does not report clients that leave; if in doubt, messages are sent. Most batches follow another
batch for the same user within a second, so a found session is cached for a while. A missing session is not cached,
because a client starts its run right after it has subscribed.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from runcast.clock import epoch_ms
from runcast.record.items import to_item
from runcast.record.model import Owner

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

logger = logging.getLogger(__name__)

REMEMBERED_MS = 30_000
REMEMBERED_MAX_SESSIONS = 1_000


class Sessions:
    """Looks up subscribers' sessions. A found session is cached for `REMEMBERED_MS`.

    Args:
        client: A DynamoDB client with short timeouts.
        table_name: The table, keyed by `tenantId` and `userId`.
        now_ms: The wall clock. A monotonic clock stops while Lambda freezes the process.
    """

    def __init__(self, client: DynamoDBClient, table_name: str, *, now_ms: Callable[[], int] = epoch_ms) -> None:
        self._client = client
        self._table_name = table_name
        self._now_ms = now_ms
        # The time at which each session was found, oldest first.
        self._found_at_ms: OrderedDict[Owner, int] = OrderedDict()

    def may_watch(self, owner: Owner) -> bool:
        """Return whether the user has a current session, or may have one because the lookup failed.

        The end of a session is noticed within `REMEMBERED_MS`, a new session immediately.
        """
        found_at_ms = self._found_at_ms.get(owner)
        # A clock that was set back makes the age negative.
        if found_at_ms is not None and 0 <= self._now_ms() - found_at_ms < REMEMBERED_MS:
            return True
        try:
            answer = self._client.get_item(
                TableName=self._table_name,
                Key=to_item({"tenantId": owner.tenant_id, "userId": owner.user_id}),
                # Read consistently, because a client starts its run right after it has subscribed.
                ConsistentRead=True,
                ProjectionExpression="expiresAt",
            )
        except (BotoCoreError, ClientError) as error:
            logger.warning("the session could not be looked up, so the messages are sent: %s", error)
            return True
        expires_at_epoch_s = int(answer.get("Item", {}).get("expiresAt", {}).get("N", 0))
        now_ms = self._now_ms()
        if expires_at_epoch_s * 1000 <= now_ms:
            self._found_at_ms.pop(owner, None)
            return False
        self._remember(owner, now_ms)
        return True

    def _remember(self, owner: Owner, now_ms: int) -> None:
        self._found_at_ms[owner] = now_ms
        self._found_at_ms.move_to_end(owner)
        if len(self._found_at_ms) > REMEMBERED_MAX_SESSIONS:
            self._found_at_ms.popitem(last=False)
