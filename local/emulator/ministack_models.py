"""Makes MiniStack's Bedrock ask a model server, and report its failures.

MiniStack asks an OpenAI-compatible server for the model by Bedrock's id, which no other server knows, without a key,
and answers with canned text when the server fails. Like `ministack`, this depends on private names.
"""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ministack.services import bedrock_runtime

_MAX_ERROR_CHARS = 500
_TIMEOUT_SECONDS = 120
_SETTINGS = {"maxTokens": "max_tokens", "temperature": "temperature", "topP": "top_p", "stopSequences": "stop"}


@dataclass(frozen=True)
class ModelServer:
    """An OpenAI-compatible server.

    Attributes:
        url: Its address, without `/v1`.
        name: The model to ask it for; empty for the one by Bedrock's id.
        key: Its API key, if it requires one; not part of the printed form.
    """

    url: str
    name: str
    key: str = field(repr=False)


class _ModelFailed(Exception):
    """The model behind Bedrock gave no usable answer."""


def install_models(server: ModelServer) -> None:
    """Lets a server answer for Bedrock's models.

    Args:
        server: Which one.
    """

    def ask(
        model_id: str, messages: Any, system: Any, inference_config: Mapping[str, Any] | None, tool_config: Any = None
    ) -> tuple[dict[str, Any], tuple[int, int] | None]:
        request = {
            "model": server.name or model_id,
            "messages": bedrock_runtime._openai_messages(messages, system),
            "stream": False,
            **{_SETTINGS[name]: value for name, value in (inference_config or {}).items() if name in _SETTINGS},
        }
        tools, tool_choice = bedrock_runtime._openai_tools(tool_config)
        request |= {"tools": tools} if tools else {}
        request |= {"tool_choice": tool_choice} if tool_choice is not None else {}
        return _message_of(_post(server, request))

    bedrock_runtime._proxy_openai_chat_message = ask
    for name in ("_converse", "_converse_stream", "_invoke_model", "_invoke_model_with_response_stream"):
        setattr(bedrock_runtime, name, _failing_as_bedrock(getattr(bedrock_runtime, name)))
    _tell_a_cut_answer()


def _post(server: ModelServer, request: Mapping[str, Any]) -> Any:
    """Returns the server's answer, or raises _ModelFailed with what it says is wrong."""
    headers = {"Content-Type": "application/json"}
    if server.key:
        headers["Authorization"] = f"Bearer {server.key}"
    url = f"{server.url}/v1/chat/completions"
    sent = urllib.request.Request(url, json.dumps(request).encode(), headers)  # noqa: S310 - checked by the settings
    try:
        with urllib.request.urlopen(sent, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310 - as above
            return json.load(answer)
    except urllib.error.HTTPError as error:
        said = _said(error.read())
        if server.key:
            said = said.replace(server.key, "***")
        raise _ModelFailed(f"The model server answered {error.code}: {said}") from error
    except (OSError, ValueError) as error:
        raise _ModelFailed(f"The model server at {server.url} gave no usable answer: {error}") from error


def _said(body: bytes) -> str:
    """The message in a server's error: as OpenAI writes it, or the text itself."""
    text = body.decode(errors="replace").strip()
    try:
        told = json.loads(text)
        error = told.get("error", told)
        text = str(error["message"] if isinstance(error, dict) else error)
    except (ValueError, KeyError, AttributeError):
        pass
    return text[:_MAX_ERROR_CHARS]


def _message_of(answer: Any) -> tuple[dict[str, Any], tuple[int, int] | None]:
    """Returns the first choice's message, with the reason for its end, and the tokens read and written if told."""
    try:
        choice = answer["choices"][0]
        message = {**choice["message"], "finish_reason": choice.get("finish_reason")}
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise _ModelFailed("The model server's answer is no chat completion.") from error
    try:
        usage = answer["usage"]
        return message, (int(usage["prompt_tokens"]), int(usage["completion_tokens"]))
    except (KeyError, TypeError, ValueError):
        return message, None


def _failing_as_bedrock(operation: Callable[..., Any]) -> Callable[..., Any]:
    def run(*arguments: Any) -> Any:
        try:
            return operation(*arguments)
        except _ModelFailed as failure:
            return bedrock_runtime._error("ModelErrorException", str(failure), 424)

    return run


def _tell_a_cut_answer() -> None:
    """Report the stop reason `max_tokens` as Bedrock does. MiniStack drops it, so a cut answer looks complete."""
    blocks_and_stop_reason = bedrock_runtime._converse_blocks_from_message

    def with_stop_reason(message: dict[str, Any]) -> tuple[list[dict[str, Any]], str]:
        blocks, stop_reason = blocks_and_stop_reason(message)
        return blocks, "max_tokens" if message["finish_reason"] == "length" else stop_reason

    bedrock_runtime._converse_blocks_from_message = with_stop_reason
