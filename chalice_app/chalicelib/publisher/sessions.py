"""Who is watching: users who have subscribed lately.

Sending to nobody costs an AppSync request a message, so a user without a session is passed over. A session is only a
hint, though, because AppSync tells nobody that a client has gone: in doubt, a message is sent.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from runcast.clock import epoch_ms
from runcast.record.model import Owner, to_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

logger = logging.getLogger(__name__)


class Sessions:
    """Looks up who has subscribed.

    Args:
        client: A DynamoDB client with brief time-outs.
        table_name: The table, keyed by `tenantId` and `userId`.
        now_ms: The wall clock.
    """

    def __init__(self, client: DynamoDBClient, table_name: str, *, now_ms: Callable[[], int] = epoch_ms) -> None:
        self._client = client
        self._table_name = table_name
        self._now_ms = now_ms

    def may_watch(self, owner: Owner) -> bool:
        """Return whether the user has a session that has not expired, or that could not be found out."""
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
        return expires_at_epoch_s * 1000 > self._now_ms()
