"""Checks the parameters of a run or a job, by the same rule in a client, a starter and an agent's function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runcast import limits
from runcast.errors import InvalidInput
from runcast.json_text import json_text, parsed_json
from runcast.plain_json import plain

_NO_OBJECT = "parameters must be a JSON object."
_JSON_RULE = (
    f"Numbers must be finite and at most 1.8e308, text well formed, and nesting at most {limits.NESTING_MAX} deep."
)


def checked_parameters(given: Any) -> dict[str, Any]:
    """Return the parameters of a run or a job: an object, or the JSON text of one; None means none.

    Raises:
        InvalidInput: They are no JSON object, are over `PARAMETERS_MAX_BYTES`, or hold a value that other readers of
            JSON refuse (see `runcast.plain_json.plain`); the message names its path.
    """
    if given is None:
        return {}
    if isinstance(given, str):
        # Check the size before parsing, so that no large text is parsed.
        _require_fitting(given)
        try:
            given = parsed_json(given)
        except (ValueError, RecursionError) as error:
            raise InvalidInput(_NO_OBJECT) from error
    parameters, unreadable = plain(given)
    if not isinstance(given, Mapping):
        raise InvalidInput(_NO_OBJECT)
    if unreadable:
        path = unreadable[0].path.removeprefix("$")
        raise InvalidInput(f"parameters{path} is {unreadable[0].reason}, which is no JSON. {_JSON_RULE}")
    _require_fitting(json_text(parameters))
    return dict(parameters)


def _require_fitting(text: str) -> None:
    if len(text.encode("utf-8", "replace")) > limits.PARAMETERS_MAX_BYTES:
        raise InvalidInput(f"parameters must be at most {limits.PARAMETERS_MAX_BYTES // 1024} KB as JSON.")
