"""The examples that serve, or that need a server: each on real connections, recorded in moto's table."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from contextlib import contextmanager
from importlib import import_module

import httpx
import jwt
import pytest
import uvicorn
from ag_ui.core import EventType, RunAgentInput, UserMessage
from ag_ui_strands import StrandsAgent
from chalicelib.agents.run_context import RunContext
from cryptography.hazmat.primitives.asymmetric import rsa
from mcp.server.mcpserver import MCPServer
from strands import Agent

from runcast import Runcast, track
from runcast.record.model import Owner, RunStatus
from tests.examples.test_examples import TEXT, load
from tests.fakes.scripted_model import Call, Say, ScriptedModel

STREAMS = 50


class ManyRuns(ScriptedModel):
    """Says the same to every run, in pieces."""

    def __init__(self):
        super().__init__([])

    async def stream(self, messages, *args, **kwargs):
        yield {"messageStart": {"role": "assistant"}}
        for word in ("to ", "be ", messages[-1]["content"][0]["text"]):
            await asyncio.sleep(0)
            yield {"contentBlockDelta": {"delta": {"text": word}}}
        yield {"contentBlockStop": {}}
        yield {"messageStop": {"stopReason": "end_turn"}}


@contextmanager
def served(app):
    """Serve an ASGI application on a free port of this machine; yield its address."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", ws="none"))
    serving = threading.Thread(target=server.run)
    serving.start()
    while not server.started:
        serving.join(0.01)
        assert serving.is_alive()
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        serving.join()


@pytest.fixture
def pool(monkeypatch):
    """A user pool: what signs its users in, with the keys at an address that the environment names."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)

    async def keys(scope, receive, send):
        if scope["type"] == "lifespan":
            return
        body = httpx.Response(200, json={"keys": [{**public, "kid": "1", "use": "sig", "alg": "RS256"}]}).content
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    def token(user_id, *, audience="frontend", signed_with=key, **claims):
        claims = {"sub": user_id, "custom:tenantId": "acme", "aud": audience, **claims}
        claims = {name: claim for name, claim in claims.items() if claim is not None}
        return jwt.encode(claims, signed_with, algorithm="RS256", headers={"kid": "1"})

    with served(keys) as url:
        monkeypatch.setenv("JWKS_URL", url)
        monkeypatch.setenv("CLIENT_ID", "frontend")
        yield token


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def test_fifty_streams_at_once_are_fifty_whole_runs_of_their_callers(records, pool):
    module = load("fastapi_streams")
    module.MODEL = ManyRuns()

    async def ask(client, number):
        response = await client.get("/answer", params={"question": str(number)}, headers=bearer(pool(f"user-{number}")))
        return response.headers["x-request-id"], response.text

    async def ask_all(url):
        async with httpx.AsyncClient(base_url=url, timeout=120, trust_env=False) as client:
            return await asyncio.gather(*(ask(client, number) for number in range(STREAMS)))

    with served(module.app) as url:
        answers = asyncio.run(ask_all(url))
    assert [text for _, text in answers] == [f"to be {number}" for number in range(STREAMS)]
    for number, (request_id, text) in enumerate(answers):
        run = records.read(request_id)
        assert (run.owner, run.status, run.result) == (Owner("acme", f"user-{number}"), RunStatus.COMPLETE, text)
        assert Counter(step.step for step in run.steps) == Counter(["agent", "thinking", "complete"])


def test_a_user_without_a_tenant_is_their_own(records, pool):
    module = load("fastapi_streams")
    module.MODEL = ManyRuns()
    token = pool("ana", **{"custom:tenantId": None})
    with served(module.app) as url, httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        answer = client.get("/answer", params={"question": "1"}, headers=bearer(token))
    assert answer.status_code == 200
    assert records.read(answer.headers["x-request-id"]).owner == Owner("ana", "ana")


def test_a_stream_is_for_those_who_are_signed_in(records, pool):
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    with served(load("fastapi_streams").app) as url, httpx.Client(base_url=url, trust_env=False) as client:
        for token in (pool("ana", signed_with=stranger), pool("ana", audience="another"), "none"):
            assert client.get("/answer", params={"question": "?"}, headers=bearer(token)).status_code == 401
        assert client.get("/answer", params={"question": "?"}).status_code == 422


@pytest.mark.filterwarnings("ignore:Support for class-based `config` is deprecated")  # in bedrock-agentcore 1.25
def test_a_run_in_agentcore_is_its_callers(records, pool):
    module = load("agentcore_runtime")
    module.MODEL = ScriptedModel([Call("count_words", TEXT), Say("{tool_result} words")])
    with served(module.app) as url, httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        answer = client.post("/invocations", json={"question": "How long?"}, headers=bearer(pool("ana"))).json()
    assert answer["answer"].strip() == "6 words"
    run = records.read(answer["requestId"])
    assert (run.owner, run.status) == (Owner("acme", "ana"), RunStatus.COMPLETE)
    assert [step.step for step in run.steps] == ["agent", "thinking", "executing", "executed", "thinking", "complete"]


def test_tools_of_an_mcp_server_are_recorded(records, monkeypatch):
    mcp = MCPServer("library")

    @mcp.tool()
    def find(title: str) -> str:
        """Find a book."""
        return f"{title}: shelf 3"

    with served(mcp.streamable_http_app(stateless_http=True)) as url:
        monkeypatch.setenv("MCP_URL", f"{url}/mcp")
        model = ScriptedModel([Call("find", {"title": "Hamlet"}), Say("{tool_result}")])
        agent = track(load("mcp_tools").build(RunContext("Where is Hamlet?", {}, model)))
        agent("Where is Hamlet?", invocation_state={"runcast": {"requestId": "r1"}})
        agent.cleanup()
    run = records.read("r1")
    assert (run.status, run.result) == (RunStatus.COMPLETE, "Hamlet: shelf 3")
    assert [(step.step, step.tool_name) for step in run.steps if step.tool_name] == [
        ("executing", "find"), ("executed", "find"),
    ]  # fmt: skip


def test_agents_behind_ag_ui_are_recorded(records, dynamodb):
    """Its adapter makes a copy of the agent for each thread, which only a plugin follows."""
    model = ScriptedModel([Say("first"), Say("second")])
    adapter = StrandsAgent(Agent(model=model, callback_handler=None), name="survey", plugins=[Runcast()])

    async def ask(thread):
        given = {"state": {}, "tools": [], "context": [], "forwarded_props": {}, "run_id": "1", "thread_id": thread}
        asked = RunAgentInput(**given, messages=[UserMessage(id="1", role="user", content="?")])
        return [event.type async for event in adapter.run(asked)]

    for thread in ("one", "two"):
        assert asyncio.run(ask(thread))[-1] is EventType.RUN_FINISHED
    items = dynamodb.scan(TableName=import_module("tests.unit.conftest").TABLE_NAME)["Items"]
    assert sorted(item["result"]["S"] for item in items) == ['"first"', '"second"']
