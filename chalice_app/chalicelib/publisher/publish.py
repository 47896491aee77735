"""Sends status messages to their users. Failures are logged and counted, never raised.

Nobody would receive an error, because the Lambda is invoked asynchronously, and the record contains each step anyway.
What only AppSync needs is imported when the first user is watching.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from chalicelib.publisher.messages import messages_of, owner_of_message
from chalicelib.publisher.sessions import Sessions
from chalicelib.runtime import clients, logs, metrics
from chalicelib.runtime.config import StatusPublisherConfig, config_of_environment
from runcast.errors import InvalidInput, Unavailable
from runcast.record.model import Json

if TYPE_CHECKING:
    from chalicelib.publisher.appsync import AppSync

logger = logging.getLogger(__name__)


def publish_event(event: Any) -> Json:
    """Publish the messages of an event. Never raises.

    Returns:
        `published`: the number of messages that AppSync accepted; `notPublished`: the number of others, by reason.
    """
    try:
        return _publisher_of_environment().publish(event)
    except Exception:
        logger.exception("the event was not published")
        metrics.count_messages(0, {"broken": 1})
        return {"published": 0, "notPublished": {"broken": 1}}


class Publisher:
    """Publishes events.

    Args:
        sessions: Knows which users are watching.
        appsync: Returns what sends the messages; called when somebody is watching.
        count: Called once for each event with the number of published messages, and of the others by reason.
    """

    def __init__(
        self, sessions: Sessions, appsync: Callable[[], AppSync], *, count: Callable[[int, dict[str, int]], None]
    ) -> None:
        self._sessions = sessions
        self._appsync = appsync
        self._count = count

    def publish(self, event: Any) -> Json:
        """Publish those messages of an event whose users have subscribed."""
        try:
            messages = messages_of(event)
        except InvalidInput as error:
            logger.warning("the event was refused: %s", error)
            return self._report(0, {"refused": 1})

        request_ids = {message["requestId"] for message in messages} - {None}
        if len(request_ids) == 1:
            logs.about_run(request_ids.pop())
        owners = {owner_of_message(message) for message in messages}
        if len(owners) == 1:
            logs.about_owner(next(iter(owners)))
        watching = {owner for owner in owners if self._sessions.may_watch(owner)}
        for owner in owners - watching:
            whom = logs.user_hash(owner), owner.tenant_id
            logger.warning("user %s of tenant %s has no session: nothing is sent", *whom)
        watched = [message for message in messages if owner_of_message(message) in watching]
        published = self._appsync().publish(watched) if watched else 0
        return self._report(published, {"no_session": len(messages) - len(watched), "failed": len(watched) - published})

    def _report(self, published: int, not_published: dict[str, int]) -> Json:
        not_published = {reason: number for reason, number in not_published.items() if number}
        self._count(published, not_published)
        return {"published": published, "notPublished": not_published}


@cache
def _publisher_of_environment() -> Publisher:
    config = config_of_environment(StatusPublisherConfig)
    return Publisher(
        Sessions(clients.dynamodb(), config.user_sessions_table),
        cache(partial(_appsync, config)),
        count=partial(metrics.count_messages, api_id=config.appsync_api_id),
    )


def _appsync(config: StatusPublisherConfig) -> AppSync:
    from chalicelib.publisher.appsync import AppSync
    from chalicelib.publisher.traced_session import TracedSession

    credentials = clients.credentials()
    if credentials is None:
        raise Unavailable("There are no AWS credentials to sign with.")
    return AppSync(
        config.appsync_api_url,
        region=config.aws_region,
        credentials=credentials,
        session=TracedSession(clients.tracer()),
        mutations_per_request=config.mutations_per_request,
    )
