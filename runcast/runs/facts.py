"""Facts that an agent's tools note, separate from the model's text.

A model retypes numbers, and may round or invent them. So tools note the facts that later work relies on, and the
facts become part of the run's result. Facts are kept in the call's `invocation_state`, so runs of one agent never mix.
Facts from agents inside a run belong to that run. Noting a fact never fails the tool.
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
# A fact no larger than its replacement is kept even beyond `FACTS_MAX_BYTES`, up to this many more bytes.
_SMALL_BYTES = 64
_SMALL_FACTS_BYTES = 8 * 1024

_lock = threading.Lock()  # an agent's tools run concurrently, on threads


def note_fact(tool_context: ToolContext, name: str, value: Any, unit: str | None = None) -> None:
    """Note a fact: the run's result is then `{"text": ..., "facts": {name: {"value": value, "unit": unit}}}`.

    The last value of a name wins. `runcast.plain_json.plain` converts values to JSON. A value is replaced by
    `{"shortened": true, "bytes": ...}` if its JSON exceeds `limits.METADATA_MAX_BYTES` or does not fit in
    `limits.FACTS_MAX_BYTES`. If the replacement does not fit either, the fact is left out, and the result's text
    reports how many facts were left out. Never raises.

    Args:
        tool_context: The context that Strands passes to a tool declared with `@tool(context=True)`.
        name: At most `limits.FACT_NAME_MAX_CHARACTERS`; a longer name is shortened.
        value: Any JSON. The value is copied, so later changes have no effect.
        unit: The unit of measure, such as `GWh`; at most `limits.UNIT_MAX_CHARACTERS`.
    """
    try:
        state = _collecting.get()
        if state is None:
            state = tool_context.invocation_state
        name = shortened(name, limits.FACT_NAME_MAX_CHARACTERS)
        unit = None if unit is None else shortened(unit, limits.UNIT_MAX_CHARACTERS)
        # Wrapped as in the result, so that the log names an unreadable value by its path there.
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
    """Within this context, note the facts of all agents in `state`, an agent's `invocation_state`."""
    token = _collecting.set(state)
    try:
        yield
    finally:
        _collecting.reset(token)


def facts_in(state: object) -> Json:
    """Return what `state`, an agent's `invocation_state`, holds of facts, for `put_facts`."""
    request_state = state.get("request_state") if isinstance(state, MutableMapping) else None
    known = request_state if isinstance(request_state, MutableMapping) else {}
    return {name: known[name] for name in (_KEY, _LEFT_OUT) if name in known}


def put_facts(state: State, facts: Json) -> None:
    """Add facts from `facts_in` to those in `state`, an agent's `invocation_state`."""
    with _lock:
        known = state.setdefault("request_state", {})
        known.setdefault(_KEY, {}).update(facts.get(_KEY, {}))
        if _LEFT_OUT in facts:
            known[_LEFT_OUT] = max(known.get(_LEFT_OUT, 0), facts[_LEFT_OUT])


def forget_facts(state: object) -> None:
    """Remove the facts of an earlier call that used the same `invocation_state`."""
    request_state = state.get("request_state") if isinstance(state, MutableMapping) else None
    if isinstance(request_state, MutableMapping):
        request_state.pop(_KEY, None)
        request_state.pop(_LEFT_OUT, None)


def with_facts(text: str, results: Iterable[AgentResult]) -> str | Json:
    """Return a run's result: its text, and the facts if any were noted.

    Args:
        text: The model's text; shortened if it does not fit into `limits.RESULT_MAX_BYTES` with the facts.
        results: The results of the run's agents, in order. The last fact of a name wins.
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
    """Add a fact, or its replacement if it is too large, if there is room; return whether it was added."""
    facts.pop(name, None)
    value_bytes = json_bytes(fact["value"])
    if value_bytes > _SMALL_BYTES and json_bytes({**facts, name: fact}) > limits.FACTS_MAX_BYTES:
        fact = {**fact, "value": {"shortened": True, "bytes": value_bytes}}
    if json_bytes({**facts, name: fact}) > limits.FACTS_MAX_BYTES + _SMALL_FACTS_BYTES:
        return False
    facts[name] = fact
    return True
