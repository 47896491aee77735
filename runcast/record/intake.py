"""Turns an agent's reports into steps for the queue: copies or serializes values, and shortens texts to their limits.

Agents may report any value, and may change it after the call. So the functions here serialize everything before they
return, except a small flat object: copying it is faster, and the writer's thread serializes the copy. If a value cannot
be serialized, the step says so. The functions for steps never raise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from runcast import limits
from runcast.clock import shift_of
from runcast.json_text import metadata_json, result_json
from runcast.record.assignment import QueuedStep, StepRef
from runcast.record.model import CONTINUING, EndReason, RunStatus
from runcast.record.store import End
from runcast.text import shortened

_FLAT_MAX_MEMBERS = 20
_FLAT_TEXT_MAX_CHARACTERS = limits.NAME_MAX_CHARACTERS
_FLAT_TYPES = frozenset((int, float, bool, type(None)))


def queued_step(
    now_ms: Callable[[], int],
    step: str,
    message: str,
    *,
    agent_name: str | None = None,
    tool_name: str | None = None,
    status: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    end: End | None = None,
    ref: StepRef | None = None,
    parent: StepRef | None = None,
    lingers: bool = False,
) -> QueuedStep:
    """Return a step with the current time. The arguments are those of `Recorder.record`."""
    timestamp_ms, shift_ms = now_ms(), shift_of(now_ms)
    try:
        flat = _flat(metadata)
        return QueuedStep(
            _name(step) or "unnamed",
            _short(message, limits.MESSAGE_MAX_CHARACTERS),
            timestamp_ms,
            _name(agent_name),
            _name(tool_name),
            _name(status),
            None if flat else metadata_json(metadata, questions=end is not None and end.status is RunStatus.WAITING),
            end,
            ref,
            parent,
            lingers,
            shift_ms,
            flat,
        )
    except Exception:  # noqa: BLE001 - a __str__ may raise any error, which must not fail the run
        unreadable = "The content of this step is unreadable"
        return QueuedStep("unnamed", unreadable, timestamp_ms, end=end, ref=ref, parent=parent, shift_ms=shift_ms)


def queued_end(
    now_ms: Callable[[], int], end: End, message: str, *, metadata: Mapping[str, Any] | None, usage: Mapping[str, Any]
) -> QueuedStep:
    """Return the run's last step, with the tokens it used in the metadata."""
    if usage:
        try:
            metadata = {**(metadata or {}), **usage}
        except Exception:  # noqa: BLE001 - an agent's mapping may raise any error or not be a mapping
            metadata = usage
    live = {RunStatus.COMPLETE: "agent_complete", RunStatus.ERROR: "agent_error"}.get(end.status)
    step = CONTINUING if end.status is RunStatus.IN_PROGRESS else end.status.value
    return queued_step(now_ms, step, message, status=live, metadata=metadata, end=end)


def end_of(
    status: RunStatus, *, result: Any, error: str | None, reason: EndReason | None, snapshot_key: str | None = None
) -> End:
    """Return a run's end, with the result as JSON text. The arguments are those of `Recorder.end`."""
    told = None if error is None else shortened(error, limits.ERROR_MAX_CHARACTERS)
    return End(status, result_json(result), told, reason=reason, snapshot_key=snapshot_key)


def _name(name: str | None) -> str | None:
    """Return the name, shortened to its limit; None if it is empty."""
    return _short(name, limits.NAME_MAX_CHARACTERS) if name else None


def _short(text: Any, max_characters: int) -> str:
    """Return what `shortened` returns, at once for the usual text."""
    if type(text) is str and text.isascii() and len(text) <= max_characters:
        return text
    return shortened(text, max_characters)


def _flat(metadata: Any) -> dict[str, Any] | None:
    """Return a copy of a small object of short texts and numbers, which cannot change; None for any other value."""
    if type(metadata) is not dict or len(metadata) > _FLAT_MAX_MEMBERS:
        return None
    copy: dict[str, Any] = metadata.copy()
    for name, value in copy.items():
        if not _is_short(name) or not (type(value) in _FLAT_TYPES or _is_short(value)):
            return None
    return copy


def _is_short(value: Any) -> bool:
    return type(value) is str and len(value) <= _FLAT_TEXT_MAX_CHARACTERS
