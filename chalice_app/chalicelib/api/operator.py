"""The operations of an operator: somebody who runs this deployment, and has AWS credentials instead of a token.

AppSync has verified the credentials, and its IAM policy decides which of these fields they may call. Each call is
logged with the caller's ARN, which AWS provides and callers cannot choose. An operation on a run acts for the run's
owner, so it has the effects and the answer that the owner would get.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from chalicelib.api import operations
from chalicelib.api.operations import Reads, Writes
from chalicelib.runtime import clients, logs
from runcast import limits
from runcast.errors import Unauthorized
from runcast.record.identity import owner_of
from runcast.record.ids import requested_id
from runcast.record.listing_all import list_all_runs
from runcast.record.model import PUBLIC, Json, Owner
from runcast.text import shortened

IAM = "IAM Authorization"

logger = logging.getLogger(__name__)


def list_runs(event: Mapping[str, Any], config: Reads) -> Json:
    """Answer `operatorListRuns`; see `runcast.record.listing_all.list_all_runs`."""
    _require_operator(event)
    _log(event)
    given = event["arguments"]
    limit = given.get("limit")
    return list_all_runs(
        clients.answering_store(config.agent_progress_table),
        limit=limits.LIST_MAX_RUNS if limit is None else limit,
        cursor=given.get("cursor"),
        tenant_id=given.get("tenantId"),
        user_id=given.get("userId"),
        agent=given.get("agent"),
        status=given.get("status"),
        older_than_minutes=given.get("olderThanMinutes"),
    )


def read_progress(event: Mapping[str, Any], config: Reads) -> Json:
    """Answer `operatorGetProgress` as `getAgentProgress` answers the run's owner."""
    given = event["arguments"]
    owner = _logged_owner(event, lambda: _owner_of(given["requestId"], config))
    return operations.read_progress(given["requestId"], given.get("afterSeq"), owner, config)


def cancel_run(event: Mapping[str, Any], config: Writes) -> Json:
    """Answer `operatorCancelRun` as `cancelAgentRun` answers the run's owner."""
    request_id = event["arguments"]["requestId"]
    owner = _logged_owner(event, lambda: _owner_of(request_id, config))
    return operations.cancel_run(request_id, owner, config)


def delete_runs(event: Mapping[str, Any], config: Writes) -> Json:
    """Answer `operatorDeleteRuns` as `deleteMyRuns` answers the user.

    Raises:
        InvalidInput: The tenant or the user cannot be one.
    """
    given = event["arguments"]
    owner = _logged_owner(event, lambda: owner_of(given["userId"], given["tenantId"]))
    return operations.delete_runs_of(owner, config)


def _owner_of(request_id: str, config: Reads | Writes) -> Owner:
    """Return the owner of a run. An unknown id is the same to every owner."""
    canonical = requested_id(request_id)
    store = clients.answering_store(config.agent_progress_table)
    run = store.read(canonical) if canonical else None
    return run.owner if run else PUBLIC


def _logged_owner(event: Mapping[str, Any], find: Callable[[], Owner]) -> Owner:
    """Return the owner that `find` returns, and log the call with this owner, as all lines after it.

    Raises:
        Unauthorized: The caller has no AWS credentials.
    """
    _require_operator(event)
    try:
        owner = find()
        logs.about_owner(owner)
        return owner
    finally:
        _log(event)


def _require_operator(event: Mapping[str, Any]) -> None:
    arn = (event.get("identity") or {}).get("userArn")
    if event.get("authType") != IAM or not isinstance(arn, str) or not arn:
        raise Unauthorized("Only operators may call this: sign the request with AWS credentials.")


def _log(event: Mapping[str, Any]) -> None:
    # The names of users are not logged. The arguments are unchecked, and may be longer than a log line can be.
    asked = {
        name: shortened(value, limits.NAME_MAX_CHARACTERS) if isinstance(value, str) else value
        for name, value in event["arguments"].items()
        if name not in ("userId", "cursor")
    }
    arn = event["identity"]["userArn"]
    logger.info("an operator asked", extra={"fields": {"operatorArn": arn, "field": event["field"], "asked": asked}})
