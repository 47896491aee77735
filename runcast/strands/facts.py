"""What an agent's tools have found out, kept apart from what its model says of it.

A model retypes numbers, and rounds or invents them. What later work relies on is therefore noted by the tools
themselves, and is part of the run's result. Facts are kept in the `invocation_state` of the call, so that runs of one
agent never mix; those of agents that work inside a run are the run's. A tool is never harmed by noting one.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterable, Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from runcast import limits
from runcast.json_text import json_bytes, json_text, log_unreadable, longest_fitting, metadata_json
from runcast.plain_json import plain
from runcast.record.model import Json
from runcast.text import shortened

if TYPE_CHECKING:
    from strands import ToolContext
    from strands.agent import AgentResult

logger = logging.getLogger(__name__)

State = MutableMapping[str, Any]

_KEY = "runcast_facts"
_LEFT_OUT = "runcast_facts_left_out"

_collecting: ContextVar[State | None] = ContextVar("runcast_facts", default=None)
# A fact that is as small as its replacement would be is kept even over the limit of the others, within these bytes.
_SMALL_BYTES = 64
_SMALL_FACTS_BYTES = 8 * 1024

_lock = threading.Lock()  # an agent's tools work at once, on threads


def note_fact(tool_context: ToolContext, name: str, value: Any, unit: str | None = None) -> None:
    """Note a fact: the run's result is then `{"text": ..., "facts": {name: {"value": value, "unit": unit}}}`.

    A name noted again has its last value. Values become JSON as `runcast.plain_json.plain` does it. A value over
    `limits.METADATA_MAX_BYTES` as JSON, or for which there is no room left in `limits.FACTS_MAX_BYTES`, is replaced by
    `{"shortened": true, "bytes": ...}`; when there is no room for that either, the fact is left out, and the text says
    how many were. Never raises.

    Args:
        tool_context: What Strands hands to a tool that is declared with `@tool(context=True)`.
        name: At most `limits.FACT_NAME_MAX_CHARACTERS`; a longer one is shortened.
        value: Any JSON, as it is now: what is changed in it later does not count.
        unit: What it is measured in, such as `GWh`; at most `limits.UNIT_MAX_CHARACTERS`.
    """
    try:
        state = _collecting.get()
        if state is None:
            state = tool_context.invocation_state
        name = shortened(name, limits.FACT_NAME_MAX_CHARACTERS)
        unit = None if unit is None else shortened(unit, limits.UNIT_MAX_CHARACTERS)
        # Wrapped as in the result, so that a value which JSON cannot hold is named by its path there.
        kept, unreadable = plain({"facts": {name: {"value": value}}})
        log_unreadable(unreadable)
        # If there is no `value`, the value was too large.
        made = json.loads(metadata_json({"value": kept["facts"][name]["value"]}) or "{}")
        with _lock:
            _keep(state.setdefault("request_state", {}), name, {"value": made.get("value", made), "unit": unit})
    except Exception:
        logger.exception("the fact %r was not noted", name)


@contextmanager
def collecting_in(state: State | None) -> Iterator[None]:
    """Note the facts of all agents in `state`, an agent's `invocation_state`, for as long as the block lasts."""
    token = _collecting.set(state)
    try:
        yield
    finally:
        _collecting.reset(token)


def forget_facts(state: object) -> None:
    """Forget the facts of an earlier call that was given the same `invocation_state`."""
    request_state = state.get("request_state") if isinstance(state, MutableMapping) else None
    if isinstance(request_state, MutableMapping):
        request_state.pop(_KEY, None)
        request_state.pop(_LEFT_OUT, None)


def with_facts(text: str, results: Iterable[AgentResult]) -> str | Json:
    """Return a run's result: its text, and the facts if any were noted.

    Args:
        text: The model's; shortened if it does not fit into `limits.RESULT_MAX_BYTES` with the facts.
        results: Of the agents that the run was the work of, in their order: of one name the last fact counts.
    """
    states = [result.state for result in results if isinstance(result.state, MutableMapping)]
    facts: Json = {}
    left_out = 0
    for state in {id(state): state for state in states}.values():  # the nodes of a Graph share theirs
        left_out += state.get(_LEFT_OUT, 0)
        for name, fact in state.get(_KEY, {}).items():
            left_out += not _fits_in(facts, name, fact)
    if not facts:
        return text
    mark = f"\n\n[{left_out} more facts were noted than fit into the result]" if left_out else ""
    whole = {"text": text + mark, "facts": facts}
    if json_bytes(whole) <= limits.RESULT_MAX_BYTES:
        return whole
    fitting: Json = json.loads(
        longest_fitting(
            lambda room: json_text({"text": shortened(text, room) + mark, "facts": facts}),
            len(text),
            limits.RESULT_MAX_BYTES,
        )
    )
    return fitting


def _keep(request_state: State, name: str, fact: Json) -> None:
    if not _fits_in(request_state.setdefault(_KEY, {}), name, fact):
        if _LEFT_OUT not in request_state:
            logger.warning("the fact %r is left out, the first that does not fit into the result", name)
        request_state[_LEFT_OUT] = request_state.get(_LEFT_OUT, 0) + 1


def _fits_in(facts: Json, name: str, fact: Json) -> bool:
    """Add a fact, or what stands in for one that is too much, if there is room."""
    facts.pop(name, None)
    value_bytes = json_bytes(fact["value"])
    if value_bytes > _SMALL_BYTES and json_bytes({**facts, name: fact}) > limits.FACTS_MAX_BYTES:
        fact = {**fact, "value": {"shortened": True, "bytes": value_bytes}}
    if json_bytes({**facts, name: fact}) > limits.FACTS_MAX_BYTES + _SMALL_FACTS_BYTES:
        return False
    facts[name] = fact
    return True
