"""Admits operators: those who run this deployment, and have AWS credentials instead of a token.

AppSync has verified the credentials, and its IAM policy decides which of these fields they may call. Each call is
logged with the caller's ARN, which AWS provides and callers cannot choose. An operation on a run acts for the run's
owner, so it has the effects and the answer that the owner would get.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from chalicelib.runtime import clients, logs
from runcast import limits
from runcast.errors import Unauthorized
from runcast.record.identity import owner_of
from runcast.record.ids import requested_id
from runcast.record.model import PUBLIC, Owner
from runcast.text import shortened

IAM = "IAM Authorization"

logger = logging.getLogger(__name__)


def require_operator(event: Mapping[str, Any]) -> None:
    """Admit an operator to an operation on all owners' runs, and log the call.

    Raises:
        Unauthorized: The caller has no AWS credentials.
    """
    _require_operator(event)
    _log(event)


def for_owner_of_run(event: Mapping[str, Any], table_name: str) -> Owner:
    """Admit an operator to an operation on the run `requestId`, and return its owner.

    Raises:
        Unauthorized: The caller has no AWS credentials.
    """
    return _logged_owner(event, lambda: _owner_of(event["arguments"]["requestId"], table_name))


def for_named_owner(event: Mapping[str, Any]) -> Owner:
    """Admit an operator to an operation on all runs of one user, `userId` of the tenant `tenantId`; return this owner.

    Raises:
        InvalidInput: The tenant or the user cannot be one.
        Unauthorized: The caller has no AWS credentials.
    """
    given = event["arguments"]
    return _logged_owner(event, lambda: owner_of(given["userId"], given["tenantId"]))


def _owner_of(request_id: str, table_name: str) -> Owner:
    """Return the owner of a run. An unknown id is the same to every owner."""
    canonical = requested_id(request_id)
    store = clients.answering_store(table_name)
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
