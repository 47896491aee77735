"""The scripted model: a function from a chat request to a chat completion.

Each turn calls the first offered tool that has not been called since the user last spoke. When none is left, the answer
repeats the tools' results, so a text that only a tool knows appears in it only if the tool ran. Of a JSON object it
repeats the first values, so that people can read it.

Words in the user's text direct it, to try out how a model can affect a run:

- `[model:error 500]` answers with that HTTP status (400 to 599);
- `[model:slow 3]` waits that many seconds (up to 60) before each answer;
- `[model:long 9000]` makes the last answer that many characters long (up to 100,000), or longer;
- `[model:max_tokens]` breaks the answer off, with the finish reason `length`.
"""

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from local.bedrock.arguments import UnderivableSchema, derive_arguments

Json = dict[str, Any]

MODEL_NAME = "scripted"
MAX_REPEATED_CHARS = 2_000
_DIRECTIVE = re.compile(r"\[model:([^\]]*)\]")
_DIRECTIVES_HELP = "known are [model:error 400..599], [model:slow 0..60], [model:long 0..100000] and [model:max_tokens]"
_MAX_WAIT_SECONDS = 60
_MAX_LONG_CHARS = 100_000
_MAX_VALUES = 5
_MAX_VALUE_CHARS = 60


class ModelError(Exception):
    """An HTTP error answer of the model.

    Attributes:
        status: The HTTP status, 400 to 599.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def complete_chat(request: Mapping[str, Any], *, sleep: Callable[[float], None] = time.sleep) -> Json:
    """Answer one chat request.

    Args:
        request: An OpenAI chat-completions request: `messages` and, if there are any, `tools`.
        sleep: How `[model:slow N]` waits; takes seconds.

    Returns:
        An OpenAI chat completion with one choice, whose message has text or one tool call.

    Raises:
        ModelError: The request is malformed, a directive asks for an error, or a tool's schema cannot be met.
    """
    messages = request.get("messages")
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        raise ModelError(400, "messages must be a list of objects.")
    asked_at = max((index for index, message in enumerate(messages) if message.get("role") == "user"), default=-1)
    query = _text(messages[asked_at]) if asked_at >= 0 else ""
    directed = _obey_directives(query, sleep)
    called = _calls(messages[asked_at + 1 :])
    tool = next((tool for tool in _tools(request) if tool["name"] not in called.values()), None)
    if directed.broken_off:
        return _completion(request, {"content": "The answer begins, and then"}, "length")
    if tool is not None:
        return _completion(request, _tool_call(tool, len(called) + 1), "tool_calls")
    answer = _answer(query, called, messages[asked_at + 1 :])
    return _completion(request, {"content": answer.ljust(directed.length, ".")}, "stop")


class _Directed(NamedTuple):
    """What the query demands of the answer: whether it is cut off, and its minimum length."""

    broken_off: bool
    length: int


def _obey_directives(query: str, sleep: Callable[[float], None]) -> _Directed:
    """Wait or fail as the query's directives say; return the other directives."""
    broken_off, length = False, 0
    for directive in _DIRECTIVE.findall(query):
        match directive.split():
            case ["slow", number] if number.isdigit() and int(number) <= _MAX_WAIT_SECONDS:
                sleep(int(number))
            case ["error", number] if number.isdigit() and 400 <= int(number) <= 599:
                raise ModelError(int(number), f"The query asked the scripted model to fail with {number}.")
            case ["long", number] if number.isdigit() and int(number) <= _MAX_LONG_CHARS:
                length = int(number)
            case ["max_tokens"]:
                broken_off = True
            case _:
                raise ModelError(400, f"[model:{directive}] is not understood; {_DIRECTIVES_HELP}.")
    return _Directed(broken_off, length)


def _tools(request: Mapping[str, Any]) -> list[Json]:
    try:
        return [{"name": tool["function"]["name"], **tool["function"]} for tool in request.get("tools") or []]
    except (TypeError, KeyError) as error:
        raise ModelError(400, "tools must be a list of {type, function: {name, parameters}}.") from error


def _calls(messages: Sequence[Json]) -> dict[str, str]:
    """Return the name of each tool called in `messages`, by the id of the call."""
    return {
        call.get("id", ""): call.get("function", {}).get("name", "")
        for message in messages
        for call in message.get("tool_calls") or []
    }


def _tool_call(tool: Json, number: int) -> Json:
    name = tool["name"]
    try:
        arguments = derive_arguments(tool.get("parameters") or {})
    except UnderivableSchema as error:
        raise ModelError(
            422, f"No arguments for the tool {name!r} could be derived from its schema: {error}"
        ) from error
    call = {"id": f"call_{number}", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
    return {"content": f"I call {name}.", "tool_calls": [call]}


def _answer(query: str, called: Mapping[str, str], messages: Sequence[Json]) -> str:
    results = [
        f"- {called.get(message.get('tool_call_id', ''), 'a tool')}: {_brief(_text(message))}"
        for message in messages
        if message.get("role") == "tool"
    ]
    if results:
        return "\n".join(["The tools returned:", *results])
    question, *paragraphs = query.split("\n\n")
    facts = [line for paragraph in paragraphs if (line := _brief_facts(paragraph))]
    if not facts:
        return f"The scripted model has no tools to call. It was asked: {_cut(query)}"
    return "\n".join(["The scripted model cannot summarize. It was given:", "", f"- {_cut(question)}", *facts])


def _brief_facts(paragraph: str) -> str:
    """Return a paragraph like `Facts of terrain: {...}` with the first values as text; empty for any other."""
    title, _, content = paragraph.partition(": ")
    return f"- {title}: {_brief(content)}" if content.startswith("{") else ""


def _brief(text: str) -> str:
    """Return the first values of a JSON object as `name value, …`; any other text as it is, up to a limit."""
    try:
        value = json.loads(text)
    except ValueError:
        return _cut(text)
    if not isinstance(value, dict):
        return _cut(text)
    named = [f"{name} {plain}" for name, each in value.items() if (plain := _plain(each)) is not None]
    more = len(value) - len(named[:_MAX_VALUES])
    return ", ".join(named[:_MAX_VALUES] + ([f"and {more} more"] if more else []))


def _plain(value: Any) -> str | None:
    """Return a number, a short text or a fact (`{"value", "unit"}`) as text; None for anything else."""
    if isinstance(value, dict) and value.keys() == {"value", "unit"}:
        plain = _plain(value["value"])
        return plain if plain is None or value["unit"] is None else f"{plain} {value['unit']}"
    if isinstance(value, str):
        return value if len(value) <= _MAX_VALUE_CHARS else None
    return json.dumps(value) if isinstance(value, int | float) else None


def _text(message: Mapping[str, Any]) -> str:
    """Return a message's text, given as a string or as a list of parts."""
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))


def _cut(text: str) -> str:
    if len(text) <= MAX_REPEATED_CHARS:
        return text
    return f"{text[:MAX_REPEATED_CHARS]} [cut: {len(text) - MAX_REPEATED_CHARS} more characters]"


def _completion(request: Mapping[str, Any], message: Json, finish_reason: str) -> Json:
    # Four characters per token: accurate enough for counts without a price.
    prompt_tokens = len(json.dumps(request["messages"])) // 4
    completion_tokens = len(json.dumps(message)) // 4
    return {
        "id": "chatcmpl-scripted",
        "object": "chat.completion",
        "model": request.get("model") or MODEL_NAME,
        "choices": [{"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish_reason}],
        "usage": {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": prompt_tokens + completion_tokens,
        },
    }
