"""Starts runs and jobs: stores the input, puts the record, and hands it to an agent's Lambda or the state machine.

The input is stored before the record names it, so that no record names an input that does not exist. The record is
written before the hand-over, so that clients can read every id they receive, and a run that could not be handed over
ends instead of hanging. The code is the same for GraphQL and REST.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.agents.agent_functions import AgentFunctions
from chalicelib.lifecycle.executions import Executions
from chalicelib.lifecycle.turn import begin_turn, turn_request
from chalicelib.lifecycle.uploads import attachment_ids, uploaded
from chalicelib.orchestrator.job import AGENT
from chalicelib.runtime import logs
from chalicelib.runtime.inputs import Inputs
from chalicelib.runtime.request import job_request, require_declared, run_request
from runcast.errors import Conflict, InvalidInput, RunExists, StoreUnavailable, Unavailable
from runcast.record.close import CloseResult, close_unclaimed
from runcast.record.ids import chosen_id
from runcast.record.model import Json, Owner, Run
from runcast.record.objects import PrivateObjects
from runcast.record.store import RunStore

logger = logging.getLogger(__name__)


def start_run(
    given: Mapping[str, Any],
    owner: Owner,
    *,
    store: RunStore,
    inputs: Inputs,
    functions: AgentFunctions,
    objects: PrivateObjects,
    remembered: Collection[str],
    parameters_schema: Callable[[str], Json | None],
    takes_attachments: Callable[[str], bool],
    admit: Callable[[Owner], None],
    announce: Callable[[CloseResult], None],
    new_id: Callable[[], object] = uuid4,
) -> Json:
    """Start a run for `owner` and return at once. The run continues in the background.

    Args:
        given: `agent`, `query`, `parameters`, `requestId`, `conversationId`, `branchFrom` and `attachments` as the
            client sent them; all but the first two may be missing.
        owner: The run's owner.
        store: The records.
        inputs: The private input objects.
        functions: The Lambdas of the agents.
        objects: The private objects.
        remembered: The agents that can have conversations.
        parameters_schema: Returns the JSON Schema of an agent's parameters, given its name; None if it has none.
        takes_attachments: Returns whether an agent takes attachments, given its name.
        admit: Counts the start, and raises `TooManyRequests` if it is over a limit. Not called for a known `requestId`.
        announce: Announces an end; must not raise.
        new_id: Makes the `requestId` if the client chose none.

    Returns:
        `requestId`, `conversationId` (None outside a conversation), `status` and `createdAt` (epoch ms). A `requestId`
        that the owner has used before returns that run. It is handed over again if no worker has claimed it.

    Raises:
        InvalidInput: A field is invalid, the agent's schema refuses the parameters, the agent takes no attachments, or
            one of them cannot be used.
        TooManyRequests: As `admit`.
        Conflict: The chosen `requestId` belongs to another owner, or to a job. Or the conversation has an open run,
            or cannot take this turn for another reason.
        Unavailable: The run could not be recorded or handed over. It will not run.
    """
    request = run_request(given, functions.by_agent)
    require_declared(request.parameters, parameters_schema(request.agent), request.agent)
    turn = turn_request(given, request.agent, remembered)
    files = attachment_ids(given.get("attachments"))
    if files and not takes_attachments(request.agent):
        raise InvalidInput(
            f"The agent {request.agent} takes no attachments: leave them out, or declare ATTACHMENTS = True in its "
            "file."
        )
    asked = {"agent": request.agent, "query": request.query, "parameters": request.parameters}

    def create(request_id: str, digest: str) -> Run:
        about: Json = {"agent": request.agent, "query": request.query, "input_digest": digest}
        if turn is None:
            return store.create(request_id, owner=owner, **about)
        return begin_turn(turn, request_id, owner, **about, store=store, objects=objects, new_id=new_id)

    def attached() -> Json:
        return {"attachments": [each.to_json() for each in uploaded(files, owner, objects)]} if files else {}

    def hand_over(stored: Json, run: Run) -> None:
        event = {**stored, "createdAt": run.created_at_ms, "awaited": False}
        if run.conversation_id:
            event["conversationId"] = run.conversation_id
        try:
            functions.invoke(request.agent, event, run.owner)
        except (BotoCoreError, ClientError) as error:
            raise Unavailable(f"The function of {request.agent} was not invoked: {error}") from error

    return _start(
        _RUN,
        given,
        owner,
        asked,
        attached,
        create,
        hand_over,
        store=store,
        inputs=inputs,
        admit=admit,
        announce=announce,
        new_id=new_id,
    )


def start_job(
    given: Mapping[str, Any],
    owner: Owner,
    *,
    store: RunStore,
    inputs: Inputs,
    executions: Executions,
    playbooks: Collection[str],
    admit: Callable[[Owner], None],
    announce: Callable[[CloseResult], None],
    new_id: Callable[[], object] = uuid4,
) -> Json:
    """Start a job for `owner` and return at once. The job continues in the background.

    Args:
        given: `playbook`, `query`, `parameters` and `jobId` as the client sent them; the last two may be missing.
        owner: The job's owner.
        store: The records.
        inputs: The private input objects.
        executions: The executions of the state machine.
        playbooks: The names that `playbook` may have.
        admit: Counts the start, and raises `TooManyRequests` if it is over a limit. Not called for a known `jobId`.
        announce: Announces an end; must not raise.
        new_id: Makes the `jobId` if the client chose none.

    Returns:
        `jobId`, `status` and `createdAt` (epoch ms). A `jobId` that the owner has used before returns that job. Its
        execution is started again if none has claimed the job.

    Raises:
        InvalidInput: A field is invalid.
        TooManyRequests: As `admit`.
        Conflict: The chosen `jobId` belongs to another owner, or to a run.
        Unavailable: The job could not be recorded or handed over. It will not run.
    """
    request = job_request(given, playbooks)
    asked = {"playbook": request.playbook, "query": request.query, "parameters": request.parameters}

    def create(job_id: str, digest: str) -> Run:
        return store.create(
            job_id,
            owner=owner,
            agent=AGENT,
            job_id=job_id,
            playbook=request.playbook,
            query=request.query,
            input_digest=digest,
        )

    def hand_over(stored: Json, _: Run) -> None:
        # The execution has the job's id as its name: the same name and input start one execution only.
        executions.start(stored["jobId"])

    return _start(
        _JOB,
        given,
        owner,
        asked,
        dict,
        create,
        hand_over,
        store=store,
        inputs=inputs,
        admit=admit,
        announce=announce,
        new_id=new_id,
    )


@dataclass(frozen=True)
class _Kind:
    name: str
    id_name: str
    taker: str


_RUN = _Kind("run", "requestId", "its agent")
_JOB = _Kind("job", "jobId", "its state machine")


def _start(
    kind: _Kind,
    given: Mapping[str, Any],
    owner: Owner,
    asked: Json,
    attached: Callable[[], Json],
    create: Callable[[str, str], Run],
    hand_over: Callable[[Json, Run], None],
    *,
    store: RunStore,
    inputs: Inputs,
    admit: Callable[[Owner], None],
    announce: Callable[[CloseResult], None],
    new_id: Callable[[], object],
) -> Json:
    chosen = chosen_id(kind.id_name, given.get(kind.id_name))
    request_id = chosen or str(new_id())
    logs.about_run(request_id)
    agent, playbook = asked.get("agent", AGENT), asked.get("playbook")
    stored = {**asked, kind.id_name: request_id, "userId": owner.user_id, "tenantId": owner.tenant_id}
    try:
        run = store.read(chosen) if chosen else None
        found = run is not None
        if run is None:
            admit(owner)
            stored |= attached()
            digest = inputs.put(owner, request_id, stored)
            run = create(request_id, digest)
    except RunExists as exists:  # another request has just created it
        run, found = exists.run, True
    except StoreUnavailable as error:
        raise Unavailable(f"The {kind.name} could not be recorded. Try again with the same {kind.id_name}.") from error
    if found:
        if run.owner != owner or run.is_job != bool(playbook):
            raise Conflict(f"{kind.id_name} is taken. Choose another UUID, or leave it out.")
        planned = run.job_id if not playbook else None
        if run.worker or planned or run.status.ended or (run.agent, run.playbook) != (agent, playbook):
            return _started(kind, run)
        # No worker has claimed it: perhaps the answer to its write was lost, or the process that wrote it died. Handing
        # it over twice is safe, because only one worker's claim succeeds.
        if run.input_digest is not None:  # None: an earlier version has started it
            stored = inputs.get(run)
    try:
        hand_over(stored, run)
    except Unavailable as error:
        logger.warning("%s %s was not handed to %s: %s", kind.name, request_id, kind.taker, error)
        if found:
            # It may have been handed over before. If not, it reads as lost, and the sweep ends it.
            return _started(kind, run)
        # If there was no answer, or an earlier execution has the same name, the run may have started anyway. Then the
        # worker's claim decides.
        message = f"The {kind.name} could not be handed to {kind.taker}."
        if result := close_unclaimed(store, run, message=message):
            announce(result)
            raise Unavailable(f"{message} Try again with another {kind.id_name}.") from error
    return _started(kind, run)


def _started(kind: _Kind, run: Run) -> Json:
    started = {kind.id_name: run.request_id, "status": run.status.value, "createdAt": run.created_at_ms}
    return started if run.is_job else {**started, "conversationId": run.conversation_id}
