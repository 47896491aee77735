r"""Writes JSON text within size limits.

Text is written as UTF-8 and not as `\uXXXX`, so that a limit in bytes is the same for every language.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from runcast import limits
from runcast.plain_json import Unreadable, plain
from runcast.text import cut, shortened, well_formed

logger = logging.getLogger(__name__)

# Created once, because the agent's thread uses it and creating an encoder costs more than using it.
_encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))

_SHORT_TEXT_CHARACTERS = 200

RESERVED_METADATA = ("parentSeq",)
"""Metadata keys that only Runcast sets: clients read `parentSeq` as the step that started this one."""


def json_text(value: Any) -> str:
    """Return plain JSON as compact text.

    Raises:
        TypeError: A value has no JSON form; see `plain`.
        ValueError: A number is NaN or infinite.
    """
    return well_formed(_encoder.encode(value))


def parsed_json(text: str | bytes) -> Any:
    """Return what a JSON text holds. An integer that Python does not read is infinite, so that `plain` names its path.

    Raises:
        ValueError: It is not JSON.
        RecursionError: It is nested too deeply to be read.

    Source: https://docs.python.org/3/library/stdtypes.html#int-max-str-digits
    """
    return json.loads(text, parse_int=_integer)


def _integer(digits: str) -> int | float:
    try:
        return int(digits)
    except ValueError:
        return float(digits)


def json_bytes(value: Any) -> int:
    """Return the size of plain JSON in UTF-8 bytes."""
    return len(json_text(value).encode())


def object_text(
    value: Mapping[Any, Any] | None, max_bytes: int, *, reserved: Iterable[str] = (), questions: bool = False
) -> str | None:
    """Return a mapping as the text of a JSON object of at most `max_bytes`; None if it is empty. Never raises.

    Args:
        value: Any value that `plain` takes.
        max_bytes: The limit in UTF-8 bytes. A larger object becomes `{"shortened": true, "bytes": <size>}`.
        reserved: Keys that only Runcast sets; a caller's key of that name gets the suffix `_`.
        questions: Whether `interrupts` may take `limits.QUESTIONS_MAX_BYTES` in addition to `max_bytes`.
    """
    kept, unreadable = plain(value)
    log_unreadable(unreadable)
    if not kept:
        return None
    if not isinstance(kept, dict):
        kept = {"unreadable": type(value).__name__, "path": "$"}
    kept = {f"{name}_" if name in reserved else name: member for name, member in kept.items()}
    asked = _fitting_questions(kept.pop("interrupts")) if questions and "interrupts" in kept else None
    if (size_bytes := json_bytes(kept)) > max_bytes:
        kept = {"shortened": True, "bytes": size_bytes}
    return json_text(kept if asked is None else {"interrupts": asked, **kept})


def metadata_json(metadata: Mapping[Any, Any] | None, *, questions: bool = False) -> str | None:
    """Return an agent's metadata as the text of a JSON object of at most `METADATA_MAX_BYTES`. Never raises.

    A key that only Runcast sets gets the suffix `_`. `questions` is as for `object_text`.
    """
    return object_text(metadata, limits.METADATA_MAX_BYTES, reserved=RESERVED_METADATA, questions=questions)


def result_json(result: Any) -> str | None:
    """Return a result as JSON text of at most `RESULT_MAX_BYTES`; a longer one becomes a shortened text. Never raises.

    Args:
        result: Any value that `plain` takes. For None, the answer is None.
    """
    return None if result is None else _fitting_text(result, limits.RESULT_MAX_BYTES)


def fitting_json(value: Any, max_bytes: int) -> Any:
    """Return a value as plain JSON of at most `max_bytes`; a larger one becomes a shortened text. Never raises.

    Args:
        value: Any value that `plain` takes.
        max_bytes: The limit of its JSON text in UTF-8 bytes.
    """
    return json.loads(_fitting_text(value, max_bytes))


def _fitting_text(value: Any, max_bytes: int) -> str:
    kept, unreadable = plain(value)
    log_unreadable(unreadable)
    text = json_text(kept)
    if len(text.encode()) <= max_bytes:
        return text
    whole = kept if isinstance(kept, str) else text
    return longest_fitting(lambda room: json_text(cut(whole, room)), len(whole), max_bytes)


def longest_fitting(render: Callable[[int], str], most: int, max_bytes: int) -> str:
    """Return `render(room)` for the greatest room below `most` at which it fits into `max_bytes` of UTF-8.

    The text from `render` must grow with the room. If nothing fits, returns `render(0)`.
    """
    fits, too_large = 0, min(most, max_bytes + 1)
    best = render(0)
    while too_large - fits > 1:
        room = (fits + too_large) // 2
        text = render(room)
        if len(text.encode()) <= max_bytes:
            fits, best = room, text
        else:
            too_large = room
    return best


def log_unreadable(unreadable: list[Unreadable]) -> None:
    """Log one warning about all parts of a value that `plain` has replaced."""
    if unreadable:
        first = unreadable[0]
        logger.warning(
            "%d values have no JSON form and were replaced, the first at %s: %s",
            len(unreadable),
            first.path,
            first.reason,
        )


def _fitting_questions(asked: Any) -> Any:
    """Return the questions within `QUESTIONS_MAX_BYTES`. Their ids and names are never shortened.

    First the texts of the reasons are shortened. If that is not enough, the reasons are left out.
    """
    if (size_bytes := json_bytes(asked)) <= limits.QUESTIONS_MAX_BYTES:
        return asked
    text = longest_fitting(
        lambda room: json_text(_with_reasons(asked, lambda reason: _with_short_texts(reason, room))),
        size_bytes,
        limits.QUESTIONS_MAX_BYTES,
    )
    if len(text.encode()) > limits.QUESTIONS_MAX_BYTES:
        text = json_text(_with_reasons(asked, lambda reason: {"shortened": True, "bytes": json_bytes(reason)}))
    fits = len(text.encode()) <= limits.QUESTIONS_MAX_BYTES
    return json.loads(text) if fits else {"shortened": True, "bytes": size_bytes}


def _with_reasons(asked: Any, change: Callable[[Any], Any]) -> Any:
    """Return the questions with each member but `id` and `name` changed."""
    return [
        {name: member if name in ("id", "name") else change(member) for name, member in each.items()}
        if isinstance(each, dict)
        else change(each)
        for each in (asked if isinstance(asked, list) else [asked])
    ]


def _with_short_texts(value: Any, room: int) -> Any:
    if isinstance(value, str):
        return shortened(value, max(room, _SHORT_TEXT_CHARACTERS))
    if isinstance(value, list):
        return [_with_short_texts(item, room) for item in value]
    if isinstance(value, dict):
        return {name: _with_short_texts(member, room) for name, member in value.items()}
    return value
