"""The operations of both APIs that read, connected to this process's AWS clients; `writes` has the others.

They are apart because the Lambda `progress_reader` answers no other, and starts faster without what starts runs. Each
function takes the client's input and the caller, and returns the answer that `docs/contracts.md` describes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.lifecycle import conversations
from chalicelib.orchestrator.job import result_key
from chalicelib.runtime import clients, logs
from chalicelib.runtime.config import ApiConfig, ProgressReaderConfig
from runcast import limits
from runcast.record import listing, listing_all, reader
from runcast.record.model import Json, Owner
from runcast.record.objects import PrivateObjects

Reads = ProgressReaderConfig | ApiConfig


def read_progress(request_id: str, after_seq: int | None, owner: Owner, config: Reads) -> Json:
    """Read a run or a job; see `runcast.record.reader.read_progress`."""
    logs.about_run(request_id)
    return reader.read_progress(
        clients.answering_store(config.agent_progress_table),
        owner,
        request_id,
        after_seq,
        sign_link=lambda job_id, seconds: result_link(config.results_bucket, job_id, seconds),
    )


def list_runs(given: Mapping[str, Any], owner: Owner, config: Reads) -> Json:
    """List the caller's runs and jobs; see `runcast.record.listing.list_runs`."""
    return listing.list_runs(
        clients.answering_store(config.agent_progress_table),
        owner,
        limit=_limit(given),
        cursor=given.get("cursor"),
        status=given.get("status"),
        agent=given.get("agent"),
    )


def list_all_runs(given: Mapping[str, Any], config: Reads) -> Json:
    """List the runs and jobs of all owners, for an operator; see `runcast.record.listing_all.list_all_runs`."""
    return listing_all.list_all_runs(
        clients.answering_store(config.agent_progress_table),
        limit=_limit(given),
        cursor=given.get("cursor"),
        tenant_id=given.get("tenantId"),
        user_id=given.get("userId"),
        agent=given.get("agent"),
        status=given.get("status"),
        older_than_minutes=given.get("olderThanMinutes"),
    )


def list_conversations(given: Mapping[str, Any], owner: Owner, config: Reads) -> Json:
    """List the caller's conversations; see `lifecycle.conversations.list_conversations`."""
    return conversations.list_conversations(
        clients.answering_store(config.agent_progress_table),
        owner,
        limit=_limit(given),
        cursor=given.get("cursor"),
    )


def get_conversation(conversation_id: str, owner: Owner, config: Reads) -> Json:
    """Read a conversation; see `lifecycle.conversations.get_conversation`."""
    store = clients.answering_store(config.agent_progress_table)
    objects = PrivateObjects(clients.answering_s3, config.results_bucket)
    return conversations.get_conversation(owner, conversation_id, store=store, objects=objects)


def result_link(bucket: str, job_id: str, seconds: int) -> str:
    """Return a link to a job's result. Anyone who has the link may fetch the result within `seconds`."""
    result = {"Bucket": bucket, "Key": result_key(job_id), "ResponseContentType": "application/json"}
    return clients.link_signer().generate_presigned_url("get_object", Params=result, ExpiresIn=seconds)


def _limit(given: Mapping[str, Any]) -> int:
    limit = given.get("limit")
    return limits.LIST_MAX_RUNS if limit is None else limit
