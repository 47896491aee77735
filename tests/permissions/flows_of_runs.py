"""Flows of runs, conversations and files, by both APIs."""

from __future__ import annotations

import time
import uuid

import requests

from runcast.clock import epoch_ms
from runcast.record.model import RunStatus
from runcast.record.objects import CONVERSATIONS, KINDS, UPLOADS, owner_prefix, private_key
from runcast.record.store import End
from tests.permissions.needs import needs
from tests.permissions.site import DEADLINE_SECONDS, Door, GraphqlDoor, Site
from tests.waiting import wait_until

MODEL = "anthropic.claude-sonnet-4-6"


@needs(
    f"""
    run-starter: dynamodb:PutItem AgentProgress, dynamodb:GetItem AgentProgress, lambda:InvokeFunction agent,
        s3:PutObject inputs
    progress-reader: dynamodb:GetItem AgentProgress, dynamodb:Query byOwner, dynamodb:BatchGetItem AgentProgress
    ds-run-starter: lambda:InvokeFunction run-starter
    ds-progress-reader: lambda:InvokeFunction progress-reader
    agent: dynamodb:UpdateItem AgentProgress, bedrock:InvokeModelWithResponseStream global.{MODEL},
        bedrock:InvokeModelWithResponseStream {MODEL}
    """,
    by_door=True,
)
def a_run_is_started_twice_read_and_listed(door: Door) -> None:
    request_id = door.start("plain", "How steep?")
    assert door.start("plain", "How steep?", requestId=request_id) == request_id
    door.complete(request_id)
    assert [run["requestId"] for run in door.ask("listAgentRuns")["runs"]] == [request_id]


@needs("run-starter: s3:GetObject inputs", by_door=True)
def a_run_is_done_again_with_its_input(door: Door) -> None:
    door.complete(door.ask("startAgentRun", rerunOf=door.run("memory")["requestId"])["requestId"])


@needs(
    "run-starter: dynamodb:UpdateItem AgentProgress, dynamodb:Query openByTenant, dynamodb:GetItem AgentProgress",
    by_door=True,
)
def the_limits_are_checked(door: Door) -> None:
    name = "rest_api_function_name" if not isinstance(door, GraphqlDoor) else "run_starter_function_name"
    function = door.site.outputs[name]
    since_ms = epoch_ms()
    door.start("memory")
    assert not [line for line in door.site.logged(function, since_ms) if "LimitsUnchecked" in line]


@needs(
    """
    run-starter: dynamodb:UpdateItem AgentProgress
    agent: dynamodb:GetItem AgentProgress, dynamodb:UpdateItem AgentProgress
    """,
    by_door=True,
)
def a_run_at_work_is_cancelled_by_its_hint(door: Door) -> None:
    since_ms = epoch_ms()
    request_id = door.start("silent")
    door.read_until(request_id, lambda record: len(record["steps"]) > 1)
    door.ask("cancelAgentRun", requestId=request_id)
    door.read_until(request_id, lambda record: record["status"] == "cancelled")
    function = door.site.outputs["agent_function_name"]
    lines = wait_until(
        lambda: [line for line in door.site.logged(function, since_ms) if request_id in line],
        deadline_seconds=DEADLINE_SECONDS,
    )
    assert not [line for line in lines if "cancels are seen late" in line]


@needs(
    """
    run-starter: s3:PutObject answers, lambda:InvokeFunction agent
    agent: s3:PutObject snapshots, s3:GetObject snapshots, s3:GetObject answers
    """,
    by_door=True,
)
def a_run_that_asks_is_answered(door: Door) -> None:
    request_id, answers = door.asked()
    door.ask("answerAgentRun", requestId=request_id, answers=answers)
    door.complete(request_id)


@needs("run-starter: lambda:InvokeFunction status-publisher", by_door=True)
def a_cancel_of_a_waiting_run_is_seen_live(door: Door) -> None:
    request_id, _ = door.asked()

    def cancel() -> str:
        door.ask("cancelAgentRun", requestId=request_id)
        return request_id

    door.hears(cancel, "cancelled")


@needs("run-starter: events:PutEvents default", by_door=True)
def a_cancel_of_a_waiting_run_is_an_event(door: Door) -> None:
    request_id, _ = door.asked()
    door.ask("cancelAgentRun", requestId=request_id)
    door.site.require_event(request_id)


@needs(
    """
    run-starter: s3:PutObject uploads, s3:GetObject uploads
    agent: s3:GetObject uploads
    """,
    by_door=True,
)
def a_file_is_uploaded_and_read(door: Door) -> None:
    content = b"A file."
    form = door.ask("createUpload", name="a.txt", contentType="text/plain", bytes=len(content))
    sent = requests.post(form["url"], data=form["fields"], files={"file": content}, timeout=DEADLINE_SECONDS)
    assert sent.status_code == 204, sent.text
    door.run("looker", attachments=[form["attachmentId"]])


@needs(
    """
    run-starter: s3:GetObject conversations, s3:PutObject conversations, s3:DeleteObject conversations,
        s3:ListBucket bucket
    progress-reader: s3:GetObject conversations, dynamodb:Query byOwner
    agent: s3:GetObject conversations, s3:PutObject conversations
    """,
    by_door=True,
)
def a_conversation_goes_on_branches_and_is_deleted(door: Door) -> None:
    conversation_id = str(uuid.uuid4())
    first, second = (door.run("memory", query, conversationId=conversation_id) for query in ("one", "two"))
    assert "2, first one" in str(second["result"])
    branch = door.run("memory", "three", branchFrom=first["requestId"])
    assert "2, first one" in str(branch["result"])
    assert door.ask("getConversation", conversationId=conversation_id)["messages"]
    assert len(door.ask("listConversations")["conversations"]) == 2
    door.ask("deleteConversation", conversationId=conversation_id)
    door.site.require_gone(private_key(CONVERSATIONS, door.owner, conversation_id, ""))


@needs(
    """
    run-starter: dynamodb:Query byOwner, dynamodb:BatchGetItem AgentProgress, dynamodb:DeleteItem AgentProgress,
        dynamodb:BatchWriteItem AgentProgress, s3:DeleteObject answers, s3:DeleteObject conversations,
        s3:DeleteObject inputs, s3:DeleteObject results, s3:DeleteObject snapshots, s3:DeleteObject uploads,
        s3:ListBucket bucket
    """,
    by_door=True,
)
def all_of_a_user_is_deleted(door: Door) -> None:
    """A run leaves the journal of its tool call. The root user puts the rest, as its writers would."""
    dug = door.run("digging")["requestId"]
    store, s3, job_id = door.site.store(), door.site.stack.client("s3"), str(uuid.uuid4())
    put = store.create(job_id, owner=door.owner, agent="orchestrator", job_id=job_id, playbook="asking")
    lease = put.created_at_ms + 60_000
    about = {"worker": "worker", "owner": door.owner, "agent": "orchestrator", "job_id": job_id, "playbook": "asking"}
    run = store.claim(job_id, **about, lease_until_ms=lease)
    store.hint_cancel(run)
    last, end = run.next_step("complete", "Done", put.created_at_ms), End(RunStatus.COMPLETE, result_key="key")
    store.append(job_id, worker="worker", expected_seq=0, lease_until_ms=lease, steps=[last], end=end)
    keys = [f"results/{job_id}.json", *(private_key(kind, door.owner, job_id, "one") for kind in KINDS)]
    keys += [f"{owner_prefix(kind, door.owner)}{uuid.uuid4()}" for kind in (CONVERSATIONS, UPLOADS)]
    for key in keys:
        s3.put_object(Bucket=door.site.bucket, Key=key, Body=b"{}")
    began_epoch_s = int(time.time())
    wait_until(lambda: int(time.time()) > began_epoch_s)  # objects of the second in which it begins are kept
    wait_until(lambda: not door.ask("deleteMyRuns")["remaining"], deadline_seconds=DEADLINE_SECONDS)
    door.site.require_gone(job_id, dug, *keys)


@needs(
    """
    agent: lambda:InvokeFunction status-publisher
    ds-user-sessions: dynamodb:PutItem user_sessions
    status-publisher: appsync:GraphQL publishStatus
    """
)
def a_run_is_watched_live(site: Site) -> None:
    door = GraphqlDoor(site, site.new_user())
    door.hears(lambda: door.start("plain"), "agent_complete")


@needs("status-publisher: dynamodb:GetItem user_sessions")
def a_run_that_nobody_watches_is_not_published(site: Site) -> None:
    """If the publisher cannot look for the session, it publishes the message."""
    publisher = site.outputs["status_publisher_function_name"]
    since_ms = epoch_ms()
    GraphqlDoor(site, site.new_user()).run("memory")
    wait_until(
        lambda: [line for line in site.logged(publisher, since_ms) if "no_session" in line],
        deadline_seconds=DEADLINE_SECONDS,
    )


@needs("agent: events:PutEvents default")
def the_end_of_a_run_is_an_event(site: Site) -> None:
    site.require_event(GraphqlDoor(site, site.new_user()).run("memory")["requestId"])


@needs(
    """
    agent: lambda:InvokeFunction run-closer, dynamodb:PutItem AgentProgress, s3:PutObject snapshots,
        s3:GetObject snapshots
    run-closer: lambda:InvokeFunction agent, dynamodb:GetItem AgentProgress
    """
)
def a_run_continues_in_its_next_part(site: Site) -> None:
    """A tool is called only once the journal has its call."""
    record = GraphqlDoor(site, site.new_user()).run("digging")
    assert "continuing" in {step["step"] for step in record["steps"]}, "the tool was not called"


@needs("agent: s3:DeleteObject conversations")
def a_state_that_is_perhaps_stored_is_deleted(site: Site) -> None:
    door, conversation_id = GraphqlDoor(site, site.new_user()), str(uuid.uuid4())
    door.run("unsure", conversationId=conversation_id)
    site.require_gone(private_key(CONVERSATIONS, door.owner, conversation_id, ""))


@needs("progress-reader: dynamodb:Scan byOwner, dynamodb:Scan byOpen")
def an_operator_lists_runs(site: Site) -> None:
    for status in (None, "in_progress"):
        site.as_operator("operatorListRuns", status=status, limit=10)


def overdue(site: Site, door: Door) -> str:
    """Put a run whose worker has been silent for an hour; return its id."""
    request_id, then_ms = str(uuid.uuid4()), epoch_ms() - 3_600_000
    site.store(now_ms=lambda: then_ms).create(request_id, owner=door.owner, agent="plain")
    return request_id


@needs(
    """
    run-closer: dynamodb:Scan byOpen, dynamodb:BatchGetItem AgentProgress, dynamodb:GetItem AgentProgress,
        dynamodb:UpdateItem AgentProgress, lambda:InvokeFunction status-publisher
    """
)
def a_silent_run_is_ended_live(site: Site) -> None:
    door = GraphqlDoor(site, site.new_user())

    def sweep() -> str:
        request_id = overdue(site, door)
        site.invoke(site.outputs["run_closer_function_arn"], {"sweep": True})
        return request_id

    door.hears(sweep, "agent_error")


@needs("run-closer: events:PutEvents default")
def the_end_of_a_silent_run_is_an_event(site: Site) -> None:
    request_id = overdue(site, GraphqlDoor(site, site.new_user()))
    site.invoke(site.outputs["run_closer_function_arn"], {"sweep": True})
    site.require_event(request_id)
