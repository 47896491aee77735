"""What the tests of the demonstration share: its agents, run with the scripted model of the local machine."""

from __future__ import annotations

import json

import pytest
from chalicelib.agents import registry
from chalicelib.agents.run_context import RunContext

from local.bedrock.script import complete_chat
from runcast.json_text import result_json
from runcast.runs.outcome import outcome_of
from tests.fakes.scripted_model import Call, Say, ScriptedModel


class LocalModel(ScriptedModel):
    """Answers by what `make demo` answers by, without its server and without Bedrock's format."""

    def __init__(self):
        super().__init__([])

    async def stream(self, messages, tool_specs=None, system_prompt=None, **kwargs):
        tools = [
            {"function": {"name": spec["name"], "parameters": spec["inputSchema"]["json"]}} for spec in tool_specs or ()
        ]
        request = {"messages": [each for message in messages for each in _chat(message)], "tools": tools}
        said = complete_chat(request)["choices"][0]["message"]
        calls = [each["function"] for each in said.get("tool_calls", ())]
        self.script = [Call(calls[0]["name"], json.loads(calls[0]["arguments"])) if calls else Say(said["content"])]
        async for event in super().stream(messages, tool_specs, system_prompt, **kwargs):
            yield event


def _chat(message):
    """A message of Strands' as OpenAI's API has it."""
    for block in message["content"]:
        if "toolUse" in block:
            called = {"id": block["toolUse"]["toolUseId"], "function": {"name": block["toolUse"]["name"]}}
            yield {"role": "assistant", "tool_calls": [called]}
        elif "toolResult" in block:
            text = "".join(part.get("text") or json.dumps(part["json"]) for part in block["toolResult"]["content"])
            yield {"role": "tool", "tool_call_id": block["toolResult"]["toolUseId"], "content": text}
        elif "text" in block:  # the local Bedrock passes no files to the model
            yield {"role": message["role"], "content": block["text"]}


@pytest.fixture(scope="session")
def result_of():
    """Runs an agent, and returns its result as the record has it."""

    def run(agent, query="What is there?", **parameters):
        built = registry.load(agent)(RunContext(query, parameters, LocalModel()))
        return json.loads(result_json(outcome_of(built(query)).result))

    return run


@pytest.fixture(scope="session")
def facts_of(result_of):
    """Runs an agent, and returns the values of its facts."""
    return lambda agent, **parameters: values(result_of(agent, **parameters))


def values(result):
    return {name: fact["value"] for name, fact in result["facts"].items()}


def handed_on(**facts):
    """A result as `inputs` has it."""
    return {"text": "", "facts": {name: {"value": value, "unit": None} for name, value in facts.items()}}
