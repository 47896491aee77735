"""A conversation on what Terraform has built: five turns, a branch, its messages, other users, and its end."""

import asyncio

import pytest

from local.deployment import client_environment
from runcast.client.client import connect
from runcast.client.config import ClientConfig
from runcast.errors import InvalidInput
from tests.e2e.answering_agents import COUNTING_AGENT, FUNCTIONS
from tests.e2e.conftest import deployed

CONVERSATION = "0b9f6c1e-6a1b-4c2f-9d4e-1f0a7c3b5d21"
QUERIES = ["one", "zwei", "三", "four", "five"]


@pytest.fixture(scope="module", autouse=True)
def memory(stack):
    """Deploy the agent `memory` with the others."""
    with deployed(stack, FUNCTIONS, {"chalicelib/agents/memory.py": COUNTING_AGENT}):
        yield


def client_of(stack, user):
    return connect(ClientConfig.from_environment(client_environment(stack.state, user)))


async def turn(client, query, **more):
    """Run the agent to its end; return the run's id and what it has said."""
    watch = client.run("memory", query, **more)
    async for _ in watch:
        pass
    assert watch.outcome.status == "complete", watch.outcome
    return watch.request_id, watch.outcome.result


async def play(stack, alice, bob):
    async with client_of(stack, alice) as client, client_of(stack, alice) as second, client_of(stack, bob) as other:
        turns = [await turn(client, query, conversation_id=CONVERSATION) for query in QUERIES]
        assert [text for _, text in turns] == [f"{number}, first one" for number in range(1, 6)]

        branch, text = await turn(second, "three again", branch_from=turns[1][0])
        assert text == "3, first one"

        conversation = await second.conversation(CONVERSATION)
        assert (conversation.agent, conversation.title, conversation.open_run) == ("memory", "one", None)
        assert [message.text for message in conversation.messages if message.role == "user"] == QUERIES
        assert [run.request_id for run in conversation.runs] == [run for run, _ in reversed(turns)]
        listed = [each.conversation_id async for each in second.conversations()]
        assert listed[:2] == [branch, CONVERSATION]

        assert [each async for each in other.conversations()] == []
        for refused in (other.conversation(CONVERSATION), other.delete_conversation(CONVERSATION)):
            with pytest.raises(InvalidInput):
                await refused

        await client.delete_conversation(CONVERSATION)
        with pytest.raises(InvalidInput):
            await second.conversation(CONVERSATION)
        assert CONVERSATION not in [each.conversation_id async for each in second.conversations()]
        assert (await turn(client, "four again", conversation_id=branch))[1] == "4, first one"


def test_five_turns_a_branch_and_its_end(stack, alice, bob, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", client_environment(stack.state, alice.user)["AWS_ENDPOINT_URL"])
    asyncio.run(play(stack, alice.user, bob.user))
