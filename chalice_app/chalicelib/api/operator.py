"""The operations of an operator: somebody who runs this deployment, and has AWS credentials instead of a token.

AppSync has verified the credentials, and its IAM policy decides which of these fields they may call. Each call is
logged with the caller's ARN, which AWS provides and callers cannot choose. An operation on a run acts for the run's
owner, so it has the effects and the answer that the owner would get.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from chalicelib.api import operations
from chalicelib.api.operations import Reads, Writes
from chalicelib.runtime import clients, logs
from runcast import limits
from runcast.errors import InvalidInput, Unauthorized
from runcast.record.ids import is_name, requested_id
from runcast.record.listing_all import list_all_runs
from runcast.record.model import PUBLIC, Json, Owner
from runcast.record.store import RunStore

IAM = "IAM Authorization"

logger = logging.getLogger(__name__)


def list_runs(event: Mapping[str, Any], config: Reads) -> Json:
    """Answer `operatorListRuns`; see `runcast.record.listing_all.list_all_runs`."""
    _log_caller(event)
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
    _log_caller(event)
    given = event["arguments"]
    owner = _owner_of(clients.answering_store(config.agent_progress_table), given["requestId"])
    return operations.read_progress(given["requestId"], given.get("afterSeq"), owner, config)


def cancel_run(event: Mapping[str, Any], config: Writes) -> Json:
    """Answer `operatorCancelRun` as `cancelAgentRun` answers the run's owner."""
    _log_caller(event)
    request_id = event["arguments"]["requestId"]
    owner = _owner_of(clients.answering_store(config.agent_progress_table), request_id)
    return operations.cancel_run(request_id, owner, config)


def delete_runs(event: Mapping[str, Any], config: Writes) -> Json:
    """Answer `operatorDeleteRuns` as `deleteMyRuns` answers the user.

    Raises:
        InvalidInput: The tenant or the user cannot be one.
    """
    _log_caller(event)
    tenant_id, user_id = event["arguments"]["tenantId"], event["arguments"]["userId"]
    if not all(is_name(name, limits.NAME_MAX_CHARACTERS) for name in (tenant_id, user_id)):
        raise InvalidInput(
            f"tenantId and userId must be text of 1 to {limits.NAME_MAX_CHARACTERS} characters without '#'."
        )
    owner = Owner(tenant_id, user_id)
    logs.about_owner(owner)
    return operations.delete_runs_of(owner, config)


def _owner_of(store: RunStore, request_id: str) -> Owner:
    """Return the owner of a run. An unknown id is the same to every owner."""
    canonical = requested_id(request_id)
    run = store.read(canonical) if canonical else None
    owner = run.owner if run else PUBLIC
    logs.about_owner(owner)
    return owner


def _log_caller(event: Mapping[str, Any]) -> None:
    """Log the call with the caller's ARN.

    Raises:
        Unauthorized: The caller has no AWS credentials.
    """
    arn = (event.get("identity") or {}).get("userArn")
    if event.get("authType") != IAM or not isinstance(arn, str) or not arn:
        raise Unauthorized("Only operators may call this: sign the request with AWS credentials.")
    # The names of users are not logged.
    asked = {name: value for name, value in event["arguments"].items() if name not in ("userId", "cursor")}
    logger.info("an operator asked", extra={"fields": {"operatorArn": arn, "field": event["field"], "asked": asked}})
