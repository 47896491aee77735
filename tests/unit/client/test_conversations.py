"""The client's conversations: what it asks and what it returns."""

from __future__ import annotations

import pytest

from runcast.client.client import Client
from runcast.client.conversation import Message
from runcast.errors import InvalidInput
from tests.fakes.appsync import FakeAppSync
from tests.fakes.appsync_records import conversation, listed
from tests.unit.client.conftest import goes_well

CHAT = "0c0ffee0-52f0-4b57-9a38-0c4f6f6f2a11"
RUN = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"


async def test_a_run_may_continue_a_conversation_or_branch(client: Client, server: FakeAppSync):
    server.script = goes_well
    async for _ in client.run("terrain", "And in winter?", conversation_id=CHAT, branch_from=RUN):
        pass
    assert server.started_with is not None
    assert (server.started_with["conversationId"], server.started_with["branchFrom"]) == (CHAT, RUN)


async def test_conversations_are_listed_page_by_page(client: Client, server: FakeAppSync):
    server.conversations = {str(n): conversation(str(n), f"Query {n}") for n in range(3)}
    server.page_runs = 2
    found = [each async for each in client.conversations()]
    assert [(each.conversation_id, each.title, each.open_run) for each in found] == [
        ("0", "Query 0", None), ("1", "Query 1", None), ("2", "Query 2", None),
    ]  # fmt: skip
    assert [each.title async for each in client.conversations(limit=1)] == ["Query 0"]


async def test_a_conversation_has_its_messages_and_runs(client: Client, server: FakeAppSync):
    kept = conversation(CHAT, "Hello", "Hi", openRun=RUN, runs=[listed(RUN, conversationId=CHAT)])
    kept["messages"][0]["attachments"] = ["map.png", "notes.md"]
    server.conversations[CHAT] = kept
    found = await client.conversation(CHAT)
    assert found.messages == (Message("user", "Hello", ("map.png", "notes.md")), Message("assistant", "Hi"))
    assert (found.open_run, found.messages_omitted) == (RUN, 0)
    assert [(run.request_id, run.to_json()["conversationId"]) for run in found.runs] == [(RUN, CHAT)]


async def test_messages_that_are_no_longer_stored_are_none(client: Client, server: FakeAppSync):
    server.conversations[CHAT] = conversation(CHAT, messages=None, messagesOmitted=None)
    assert (await client.conversation(CHAT)).messages is None


async def test_a_deleted_conversation_is_unknown(client: Client, server: FakeAppSync):
    server.conversations[CHAT] = conversation(CHAT, "Hello")
    await client.delete_conversation(CHAT)
    for ask in (client.conversation, client.delete_conversation):
        with pytest.raises(InvalidInput, match=f"{CHAT}: There is no such conversation."):
            await ask(CHAT)
