"""The operations of both APIs that start, answer, cancel or delete, connected to this process's AWS clients.

Each function takes the client's input and the caller, and returns the answer that `docs/contracts.md` describes.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from chalicelib.agents import registry
from chalicelib.agents.agent_functions import agent_functions
from chalicelib.lifecycle import answer, cancel, conversations, delete, rerun, start, uploads
from chalicelib.lifecycle.admission import Admission
from chalicelib.lifecycle.executions import executions_of
from chalicelib.orchestrator import playbook
from chalicelib.runtime import clients
from chalicelib.runtime.announce import announcer
from chalicelib.runtime.config import ApiConfig, RunStarterConfig
from chalicelib.runtime.inputs import Inputs
from runcast import limits
from runcast.errors import Unauthorized
from runcast.record.close import CloseResult
from runcast.record.model import PUBLIC, Json, Owner
from runcast.record.objects import PrivateObjects
from runcast.record.store import RunStore

Writes = RunStarterConfig | ApiConfig


def start_run(given: Mapping[str, Any], owner: Owner, config: Writes) -> Json:
    """Start a run, or with `rerunOf` a run or a job; see `lifecycle.start.start_run` and `lifecycle.rerun.rerun`."""
    if given.get("rerunOf") is not None:
        return rerun.rerun(
            given,
            owner,
            store=_store(config),
            inputs=_inputs(config),
            start_run=lambda again: start_run(again, owner, config),
            start_job=lambda again: start_job(again, owner, config),
        )
    return start.start_run(
        given,
        owner,
        store=_store(config),
        inputs=_inputs(config),
        functions=agent_functions(config),
        objects=_objects(config),
        remembered=registry.names(),
        parameters_schema=registry.parameters_schema,
        takes_attachments=registry.takes_attachments,
        admit=_admission(config).require_start,
        announce=partial(_announce, config),
    )


def create_upload(given: Mapping[str, Any], owner: Owner, config: Writes) -> Json:
    """Sign the upload of a file; see `lifecycle.uploads.create_upload`.

    Raises:
        Unauthorized: The caller has an API key. All of these callers are one user, who is anonymous.
    """
    if owner == PUBLIC:
        raise Unauthorized("Callers with an API key may not upload files. Sign in.")
    sign = partial(upload_form, config.results_bucket)
    return uploads.create_upload(given, owner, sign=sign, admit=_admission(config).require_upload)


def start_job(given: Mapping[str, Any], owner: Owner, config: Writes) -> Json:
    """Start a job; see `lifecycle.start.start_job`."""
    return start.start_job(
        given,
        owner,
        store=_store(config),
        inputs=_inputs(config),
        executions=executions_of(config.state_machine_arn),
        playbooks=playbook.names(),
        admit=_admission(config).require_start,
        announce=partial(_announce, config),
    )


def cancel_run(request_id: str, owner: Owner, config: Writes) -> Json:
    """Cancel a run or a job; see `lifecycle.cancel.cancel_run`."""
    return cancel.cancel_run(
        owner,
        request_id,
        store=_store(config),
        announce=partial(_announce, config),
        stop_execution=lambda job_id: executions_of(config.state_machine_arn).stop(job_id),
        hand_over=lambda event: clients.end_handover(config.run_closer_function).send(event),
    )


def answer_run(request_id: str, answers: Any, owner: Owner, config: Writes) -> Json:
    """Answer a waiting run; see `lifecycle.answer.answer_run`. `answers` is a JSON object, or the text of one."""
    return answer.answer_run(
        owner,
        request_id,
        answers,
        store=_store(config),
        objects=_objects(config),
        admit=_admission(config).require_open,
        functions=agent_functions(config),
        outside=config.agent_functions.keys() - set(registry.names()),
        announce=partial(_announce, config),
        hand_over=lambda event: clients.end_handover(config.run_closer_function).send(event),
    )


def delete_runs(owner: Owner, config: Writes) -> Json:
    """Delete the caller's runs and jobs; see `lifecycle.delete.delete_runs`.

    Raises:
        Unauthorized: The caller has an API key, whose runs are not theirs alone.
    """
    if owner == PUBLIC:
        raise Unauthorized(
            "Runs of callers with an API key belong to all of them, and expire. Sign in to delete yours."
        )
    return delete_runs_of(owner, config)


def delete_runs_of(owner: Owner, config: Writes) -> Json:
    """Delete an owner's runs and jobs; see `lifecycle.delete.delete_runs`."""
    return delete.delete_runs(
        owner,
        store=_store(config),
        objects=_objects(config),
        cancel=lambda whose, request_id: cancel_run(request_id, whose, config),
    )


def delete_conversation(conversation_id: str, owner: Owner, config: Writes) -> Json:
    """Delete a conversation; see `lifecycle.conversations.delete_conversation`."""
    return conversations.delete_conversation(owner, conversation_id, store=_store(config), objects=_objects(config))


def upload_form(bucket: str, key: str, fields: Mapping[str, str], max_bytes: int) -> Json:
    """Return the `url` and the `fields` of a form that uploads one object, within `UPLOAD_SECONDS`.

    Args:
        bucket: The bucket.
        key: The object's key.
        fields: What else the form must send, unchanged.
        max_bytes: The largest size of the object.
    """
    conditions = [*({name: text} for name, text in fields.items()), ["content-length-range", 1, max_bytes]]
    form = clients.link_signer().generate_presigned_post(
        bucket, key, Fields=dict(fields), Conditions=conditions, ExpiresIn=limits.UPLOAD_SECONDS
    )
    return {"url": form["url"], "fields": form["fields"]}


def _store(config: Writes) -> RunStore:
    return clients.answering_store(
        config.agent_progress_table,
        config.retention_hours,
        config.question_retention_hours,
        config.conversation_retention_days,
    )


def _admission(config: Writes) -> Admission:
    return Admission(config.limits, clients.owner_counts(config.agent_progress_table), _store(config).now_ms)


def _inputs(config: Writes) -> Inputs:
    return Inputs(clients.answering_s3, config.results_bucket)


def _objects(config: Writes) -> PrivateObjects:
    return PrivateObjects(clients.answering_s3, config.results_bucket)


def _announce(config: Writes, result: CloseResult | None) -> None:
    # The announcer's clients are made only when there is something to announce.
    announcer(config.status_publisher_function).announce(result)
