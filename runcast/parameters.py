"""Checks the JSON that users send: parameters of a run or a job, and answers to a run's questions.

The rule is the same in a client, an API and an agent's function.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runcast import limits
from runcast.errors import InvalidInput
from runcast.json_text import json_text, parsed_json
from runcast.plain_json import plain
from runcast.text import shortened

_JSON_RULE = (
    f"Numbers must be finite and at most 1.8e308, text well formed, and nesting at most {limits.NESTING_MAX} deep."
)


def checked_parameters(given: Any) -> dict[str, Any]:
    """Return the parameters of a run or a job: an object, or the JSON text of one; None means none.

    Raises:
        InvalidInput: They are no JSON object, are over `PARAMETERS_MAX_BYTES`, or hold a value that other readers of
            JSON refuse (see `runcast.plain_json.plain`); the message names its path.
    """
    return {} if given is None else _checked_object("parameters", given, limits.PARAMETERS_MAX_BYTES)


def checked_answers(given: Any) -> dict[str, Any]:
    """Return answers by the ids of their questions: an object, or the JSON text of one.

    Raises:
        InvalidInput: They are no JSON object, are over `ANSWERS_MAX_BYTES`, hold a value that other readers of JSON
            refuse, or an answer is null; the message names its path.
    """
    answers = _checked_object("answers", given, limits.ANSWERS_MAX_BYTES)
    for key, answer in answers.items():
        if answer is None:  # Strands would ask the question again
            named = shortened(key, limits.NAME_MAX_CHARACTERS)
            raise InvalidInput(f"answers has null for {named!r}. An answer may be any JSON but null.")
    return answers


def _checked_object(name: str, given: Any, max_bytes: int) -> dict[str, Any]:
    if isinstance(given, str):
        # Check the size before parsing, so that no large text is parsed.
        _require_fitting(name, given, max_bytes)
        try:
            given = parsed_json(given)
        except (ValueError, RecursionError) as error:
            raise InvalidInput(f"{name} must be a JSON object.") from error
    checked, unreadable = plain(given)
    if not isinstance(given, Mapping):
        raise InvalidInput(f"{name} must be a JSON object.")
    if unreadable:
        path = unreadable[0].path.removeprefix("$")
        raise InvalidInput(f"{name}{path} is {unreadable[0].reason}, which is no JSON. {_JSON_RULE}")
    _require_fitting(name, json_text(checked), max_bytes)
    return dict(checked)


def _require_fitting(name: str, text: str, max_bytes: int) -> None:
    if len(text.encode("utf-8", "replace")) > max_bytes:
        raise InvalidInput(f"{name} must be at most {max_bytes // 1024} KB as JSON.")
