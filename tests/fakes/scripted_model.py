"""A model that answers by a script, so that the real agent loop runs without a language model."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from typing import Any, NamedTuple

from strands.models import Model


class Call(NamedTuple):
    """The model asks for a tool."""

    tool: str
    arguments: dict[str, Any] = {}  # noqa: RUF012 - never changed
    text: str = ""  # said first


class Say(NamedTuple):
    """The model says a text and stops."""

    text: str
    stop_reason: str = "end_turn"


class ScriptedModel(Model):
    """Plays one entry of its script at each call; an exception in the script is raised, and a list calls several tools.

    `Say` may contain `{tool_result}`, which stands for the text that the last tool returned.
    """

    def __init__(self, script: Iterable[Call | list[Call] | Say | Exception]) -> None:
        self.script = list(script)
        self.calls: list[list[Any]] = []
        self.tool_specs: list[Any] = []
        self.system_prompt: str | None = None
        self.usage: dict[str, int] = {}

    def update_config(self, **model_config: Any) -> None:
        raise AssertionError("nobody updates the configuration")

    def get_config(self) -> dict[str, Any]:
        return {}

    def structured_output(self, output_model, prompt, system_prompt=None, **kwargs):
        raise AssertionError("nobody asks for structured output")

    async def stream(self, messages, tool_specs=None, system_prompt=None, **kwargs) -> AsyncIterator[Any]:
        self.calls.append(list(messages))
        self.tool_specs = tool_specs
        self.system_prompt = system_prompt
        entry = self.script.pop(0)
        if isinstance(entry, Exception):
            raise entry
        yield {"messageStart": {"role": "assistant"}}
        if isinstance(entry, list):
            for number, call in enumerate(entry):
                tool_use = {"toolUseId": f"t{len(self.calls)}-{number}", "name": call.tool}
                yield {"contentBlockStart": {"start": {"toolUse": tool_use}}}
                yield {"contentBlockDelta": {"delta": {"toolUse": {"input": json.dumps(call.arguments)}}}}
                yield {"contentBlockStop": {}}
            yield {"messageStop": {"stopReason": "tool_use"}}
            return
        if isinstance(entry, Call):
            if entry.text:
                yield {"contentBlockDelta": {"delta": {"text": entry.text}}}
                yield {"contentBlockStop": {}}
            tool_use = {"toolUseId": f"t{len(self.calls)}", "name": entry.tool}
            yield {"contentBlockStart": {"start": {"toolUse": tool_use}}}
            yield {"contentBlockDelta": {"delta": {"toolUse": {"input": json.dumps(entry.arguments)}}}}
            stop_reason = "tool_use"
        else:
            yield {
                "contentBlockDelta": {"delta": {"text": entry.text.replace("{tool_result}", _tool_result(messages))}}
            }
            stop_reason = entry.stop_reason
        yield {"contentBlockStop": {}}
        yield {"messageStop": {"stopReason": stop_reason}}
        if self.usage:
            yield {"metadata": {"usage": self.usage, "metrics": {"latencyMs": 1}}}


def _tool_result(messages) -> str:
    for block in messages[-1]["content"]:
        if "toolResult" in block:
            return block["toolResult"]["content"][0]["text"]
    return ""
