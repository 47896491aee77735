"""Checks that each user sees and changes only their own runs, and that nobody gets in without a credential."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from runcast.client.step import LIVE_ENDINGS
from runcast.errors import InvalidInput, Unavailable
from verify.expecting import CheckFailed, expect, until
from verify.local_worker import working
from verify.users import User
from verify.verification import Verification

_STEPS = 5


async def isolation_records(v: Verification) -> str:
    """A user of another tenant can neither read, list nor cancel a run, over GraphQL and REST."""
    request_id = v.new_run_id()
    async with working(v.deployment, v.user, request_id, steps=None, pause_seconds=0.2):
        await until(partial(v.read, request_id), "the record of a run on this machine")
        for what in ("get_agent_progress", "cancel_agent_run"):
            try:
                answer = await getattr(v.stranger.api, what)(request_id)
            except InvalidInput:
                continue
            raise CheckFailed(f"{what} answers a stranger: {answer}")
        for method in ("GET", "DELETE"):
            status, answer = await v.rest(v.stranger, method, f"/runs/{request_id}")
            expect(status == 404, f"{method} /runs/{{id}} answers a stranger {status}: {answer}")
        ids = [run.request_id for run in (await v.stranger.api.list_agent_runs())[0]]
        expect(request_id not in ids, "listAgentRuns lists a run to a stranger")
        progress = await v.read(request_id)
        expect(progress is not None and progress.liveness != "cancelling", "a stranger has cancelled the run")
        await v.user.api.cancel_agent_run(request_id)
        await v.read_to_its_end(request_id)
    return "refused"


async def isolation_live(v: Verification) -> str:
    """A user of another tenant receives no message of a run by any subscription, but receives their own."""
    foreign_id, own_id = v.new_run_id(), v.new_run_id()
    await _expect_refused_subscription(v)
    async with (
        v.listening(v.user, requestId=foreign_id) as heard_by_user,
        v.listening(v.stranger, requestId=foreign_id) as heard_by_id,
        v.listening(v.stranger) as heard,
    ):
        await _record(v, v.user, foreign_id)
        await until(partial(_ended, heard_by_user, foreign_id), "the last live message of the user's run")
        # Their own run, because a subscription that hears nothing at all proves nothing.
        await _record(v, v.stranger, own_id)
        await until(partial(_ended, heard, own_id), "the last live message of the stranger's run")
        foreign = [update for update in (*heard, *heard_by_id) if update["requestId"] != own_id]
        expect(not foreign, f"a stranger heard {len(foreign)} messages of another tenant: {foreign[:1]}")
        mine = [update for update in heard_by_user if update["requestId"] != foreign_id]
        expect(not mine, f"a subscription to one run heard {len(mine)} messages of another: {mine[:1]}")
    return "nothing was heard"


async def isolation_publish(v: Verification) -> str:
    """A signed-in user cannot publish a status message; only the publisher can."""
    message = {"userId": v.user.user_id, "tenantId": v.user.tenant_id, "status": "working", "message": "forged"}
    async with v.listening(v.user) as heard:
        answer = await v.graphql(v.stranger, "publishStatus", {"input": message})
        expect(bool(answer.get("errors")), f"publishStatus answers a user: {answer}")
        expect(not (answer.get("data") or {}).get("publishStatus"), f"publishStatus answers a user: {answer}")
        expect(not any(update["message"] == "forged" for update in heard), "a forged message was delivered")
    return "refused"


async def no_credential(v: Verification) -> str:
    """Without a valid token neither API answers."""
    forged = replace(v.user, identity=replace(v.user.identity, id_token=f"{v.user.identity.id_token[:-8]}AAAAAAAA"))
    for who, user in (("nobody", None), ("a forged token", forged)):
        status, answer = await v.rest(user, "GET", "/runs")
        expect(status in (401, 403), f"GET /runs answers {who} {status}: {answer}")
    answer = await v.graphql(forged, "listAgentRuns", {})
    expect(bool(answer.get("errors")), f"listAgentRuns answers a forged token: {answer}")
    return "refused"


async def _expect_refused_subscription(v: Verification) -> None:
    posing = replace(v.stranger, identity=replace(v.stranger.identity, user_id=v.user.user_id))
    try:
        subscription = await v.subscribe(posing, lambda _: None)
    except Unavailable:
        return
    await subscription.close()
    raise CheckFailed("a stranger may subscribe under another user's id")


async def _record(v: Verification, owner: User, request_id: str) -> None:
    async with working(v.deployment, owner, request_id, steps=_STEPS, pause_seconds=0) as worker:
        answer = await worker.answer()
    expect(answer["success"], f"the run on this machine failed: {answer}")


async def _ended(heard: list[dict[str, Any]], request_id: str) -> bool | None:
    return any(each["requestId"] == request_id and each["status"] in LIVE_ENDINGS for each in heard) or None
