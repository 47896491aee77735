"""Starting a run: put its record, then hand it to the Lambda that runs its agent.

In that order, so that a client that has been given a `requestId` can always read it, and a run that could not be
handed over is told as ended instead of hanging. Nothing here knows how the client asked (GraphQL or REST).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.runtime import logs
from chalicelib.runtime.request import run_request
from runcast.errors import Conflict, RunExists, StoreUnavailable, Unavailable
from runcast.json_text import json_text
from runcast.record.ending import Ending, end_unclaimed
from runcast.record.ids import chosen_id
from runcast.record.model import Json, Owner, Run
from runcast.record.store import RunStore

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

logger = logging.getLogger(__name__)


def start_run(
    given: Mapping[str, Any],
    owner: Owner,
    *,
    store: RunStore,
    invoker: LambdaClient,
    functions: Mapping[str, str],
    announce: Callable[[Ending], None],
    new_id: Callable[[], object] = uuid4,
) -> Json:
    """Start a run for `owner` and return at once; the run goes on in the background.

    Args:
        given: `agent`, `query`, `parameters` and `requestId` as the client sent them; the last two may be missing.
        owner: Whose run it will be.
        store: The records.
        invoker: A Lambda client that does not retry.
        functions: The Lambda that runs each agent, by the agents' names.
        announce: Tells of an end; must not raise.
        new_id: Makes the `requestId` where none was chosen.

    Returns:
        `requestId`, `status` and `createdAt` (epoch ms). A `requestId` that the owner has used before answers that
        run; it is handed over again if no worker has taken it.

    Raises:
        InvalidInput: A field does not fit.
        Conflict: The chosen `requestId` is somebody else's, or a job's.
        Unavailable: The run could not be recorded or handed over; it does not go on.
    """
    request = run_request(given, functions)
    request_id = chosen_id("requestId", given.get("requestId")) or str(new_id())
    logs.about_run(request_id)
    found = False
    try:
        run = store.create(request_id, owner=owner, agent=request.agent)
    except RunExists as exists:
        if exists.run.owner != owner or exists.run.playbook:
            raise Conflict("requestId is taken. Choose another UUID, or leave it out.") from exists
        run = exists.run
        if run.worker or run.job_id or run.status.ended or run.agent != request.agent:
            return _started(run)
        # No worker has taken it: perhaps the answer to its write was lost, or its writer died. Handing it
        # over twice is safe, because only one worker's claim succeeds.
        found = True
    except StoreUnavailable as error:
        raise Unavailable("The run could not be recorded. Try again with the same requestId.") from error

    event = {
        "agent": request.agent,
        "query": request.query,
        "parameters": request.parameters,
        "requestId": request_id,
        "userId": owner.user_id,
        "tenantId": owner.tenant_id,
        "awaited": False,
    }
    try:
        invoker.invoke(FunctionName=functions[request.agent], InvocationType="Event", Payload=json_text(event).encode())
    except (BotoCoreError, ClientError) as error:
        logger.warning("run %s was not handed to its agent: %s", request_id, error)
        if found:
            # It may have been handed over before. If not, it reads as lost, and the sweep ends it.
            return _started(run)
        # Without an answer it may have been handed over all the same: then the worker's claim decides.
        if ending := end_unclaimed(store, run, message="The run could not be handed to its agent."):
            announce(ending)
            raise Unavailable("The run could not be handed to its agent. Try again with another requestId.") from error
    return _started(run)


def _started(run: Run) -> Json:
    return {"requestId": run.request_id, "status": run.status.value, "createdAt": run.created_at_ms}
