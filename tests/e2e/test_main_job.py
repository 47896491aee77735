"""The main job: a Strands agent's run is recorded, and watched live by its user and nobody else."""

import asyncio
import json
import zipfile

import pytest

COLD = ["init", "bedrock", "tools", "agent", "ready"]


def by_seq(items):
    return sorted(items, key=lambda item: item["seq"])


async def test_a_run_is_seen_live_and_in_the_record(alice):
    async with alice.socket() as socket:
        assert (await socket.start(userId=alice.user.user_id))["type"] == "start_ack"
        request_id = await asyncio.to_thread(alice.start, "How steep is the ground?")
        updates = await socket.updates(request_id)
    record = alice.read_to_its_end(request_id)
    steps = record["steps"]
    assert (record["status"], record["error"], record["nextSeq"]) == ("complete", None, None)
    assert [step["seq"] for step in steps] == list(range(1, len(steps) + 1))
    tools = [step["toolName"] for step in steps if step["step"] == "executing"]
    work = ["thinking", "executing", "executed"] * len(tools) + ["thinking", "complete"]
    assert tools
    assert [step["step"] for step in steps] in (COLD + work, ["warm", *work])
    # What came live is what was recorded: the same steps, each once, with the same words and times.
    mine = by_seq(update for update in updates if update["requestId"] == request_id)
    assert [update["seq"] for update in mine] == [step["seq"] for step in steps]
    for update, step in zip(mine, steps, strict=True):
        assert (update["message"], update["timestamp"]) == (step["message"], step["timestamp"])
        assert update["status"] == step["status"]
        assert (update["userId"], update["tenantId"]) == (alice.user.user_id, "acme")
    assert all(f"{tool}: " in record["result"] for tool in tools)


async def test_each_user_sees_their_own_runs_only(alice, bob):
    async with alice.socket() as of_alice, bob.socket() as of_bob:
        await of_alice.start(userId=alice.user.user_id)
        await of_bob.start(userId=bob.user.user_id)
        started = await asyncio.gather(
            asyncio.to_thread(alice.start, "How steep is it?"), asyncio.to_thread(bob.start, "How rough is it?")
        )
        seen = await asyncio.gather(of_alice.updates(started[0]), of_bob.updates(started[1]))
    for caller, other, request_id, updates in zip((alice, bob), (bob, alice), started, seen, strict=True):
        assert {update["userId"] for update in updates} == {caller.user.user_id}
        assert caller.read_to_its_end(request_id)["status"] == "complete"
        assert other.read(request_id)["steps"] == []


async def test_a_subscriber_may_ask_for_one_run(alice):
    async with alice.socket() as socket:
        chosen = "7d444840-9dc0-11d1-b245-5ffdce74fad2"
        await socket.start(userId=alice.user.user_id, requestId=chosen)
        await asyncio.to_thread(alice.start, "Another run")
        await asyncio.to_thread(alice.start, "This run", requestId=chosen)
        updates = await socket.updates(chosen)
    assert {update["requestId"] for update in updates} == {chosen}


def test_reading_on_gives_the_rest_only(alice):
    request_id = alice.start("How steep is it?")
    steps = alice.read_to_its_end(request_id)["steps"]
    answer = alice.get("getAgentProgress", requestId=request_id, afterSeq=3)
    assert answer["steps"] == steps[3:]


def test_a_model_error_fails_the_run(alice):
    record = alice.read_to_its_end(alice.start("[model:error 500] How steep is it?"))
    assert (record["status"], record["steps"][-1]["step"], record["result"]) == ("error", "error", None)
    assert "ModelErrorException" in record["error"]
    assert "The model server answered 500: The query asked the scripted model to fail with 500." in record["error"]


def test_an_answer_that_is_broken_off_is_no_complete_run(alice):
    record = alice.read_to_its_end(alice.start("[model:max_tokens] How steep is it?"))
    assert (record["status"], record["steps"][-1]["step"]) == ("error", "error")
    assert "max_tokens" in record["error"]


@pytest.fixture
def function_like_the_agent(stack, tmp_path):
    """Make a Lambda with the agent's role, environment and zip, and one more file in the zip."""
    functions = stack.client("lambda")
    made = []

    def make(path, text, *, handler):
        archive = tmp_path / "variant.zip"
        archive.write_bytes((stack.state.directory / "terraform" / "terraform" / "deployment.zip").read_bytes())
        with zipfile.ZipFile(archive, "a") as opened:
            opened.writestr(path, text)
        agent = functions.get_function_configuration(FunctionName=stack.state.outputs["agent_function_name"])
        kept = ("Runtime", "Role", "Timeout", "MemorySize")
        name = f"variant-{len(made)}"
        functions.create_function(
            FunctionName=name,
            Handler=handler or agent["Handler"],
            Code={"ZipFile": archive.read_bytes()},
            Environment={"Variables": agent["Environment"]["Variables"]},
            **{key: agent[key] for key in kept},
        )
        made.append(name)

        def invoke(event):
            answer = functions.invoke(FunctionName=name, Payload=json.dumps(event))
            return json.loads(answer["Payload"].read())

        return invoke

    yield make
    for name in made:
        functions.delete_function(FunctionName=name)


NONCE_AGENT = '''
from strands import Agent, tool


@tool
def reveal(length: int) -> str:
    """Reveal the word."""
    return "nonce-4711"


def build(run):
    return Agent(name="oracle", model=run.model, tools=[reveal], callback_handler=None)
'''


def test_what_only_a_tool_knows_comes_out_in_the_result(function_like_the_agent, alice):
    invoke = function_like_the_agent("chalicelib/agents/oracle.py", NONCE_AGENT, handler=None)
    event = {"agent": "oracle", "query": "What is the word?", "userId": alice.user.user_id, "tenantId": "acme"}
    answer = invoke(event)
    body = json.loads(answer["body"])
    assert (answer["statusCode"], body["success"]) == (200, True)
    assert "nonce-4711" in body["result"]
    assert "nonce-4711" in alice.read(body["requestId"])["result"]


def test_a_function_can_import_nothing_that_is_not_in_the_zip(function_like_the_agent):
    program = "def handler(event, context):\n    import pytest\n"
    answer = function_like_the_agent("outside.py", program, handler="outside.handler")({})
    assert "No module named 'pytest'" in answer["errorMessage"]
