"""Renders a result for people: its text, its facts as a table, and a hint at what does not fit.

A result may be 1 MB. After a run, users want to see what it found, so long texts and long tables are cut, and
`runcast show` prints everything. Facts are plain text, not Markdown, because agents repeat untrusted text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from rich.console import Group, RenderableType
from rich.markdown import Markdown
from rich.table import Table
from rich.text import Text

from runcast.client.terminal.text import beginning_of, json_for_people, one_line, printable
from runcast.text import boundary

_TEXT_MAX_CHARACTERS = 1_500
_VALUE_MAX_CHARACTERS = 40  # so that a row fits on a line of 80
_FACTS_MAX = 20  # of all agents together, but at least three of each
_FACTS_OF_EACH_MIN = 3
_CONFLICTS_MAX = 5
_Row = tuple[str, str, str]


class Fact(NamedTuple):
    """A fact of a result, and the agent that noted it; None in a run's own result."""

    agent: str | None
    name: str
    value: Any
    unit: str


class Result(NamedTuple):
    """The parts of a result.

    Attributes:
        text: An agent's text or a job's summary, which may be Markdown; the JSON of any other result.
        is_markdown: Whether the text is an agent's or a job's.
        facts: The facts, in the order in which they were noted.
        conflicts: A line for each conflict.
    """

    text: str
    is_markdown: bool = True
    facts: tuple[Fact, ...] = ()
    conflicts: tuple[str, ...] = ()


def parts_of(result: Any) -> Result:
    """Return the parts of a result: text, `{"text", "facts"}`, a job's `{"summary", "facts"}`, or other JSON."""
    if isinstance(result, str):
        return Result(printable(result))
    if isinstance(result, Mapping) and isinstance(facts := result.get("facts"), Mapping):
        if isinstance(result.get("text"), str):
            return Result(printable(result["text"]), facts=tuple(_facts(facts)))
        if isinstance(result.get("summary"), str):
            of_agents = [(name, noted) for name, noted in facts.items() if isinstance(noted, Mapping)]
            return Result(
                printable(result["summary"]),
                facts=tuple(fact for name, noted in of_agents for fact in _facts(noted, name)),
                conflicts=tuple(f"conflict: {json_for_people(each)}" for each in result.get("conflicts") or ()),
            )
    return Result(json_for_people(result, indent=2), is_markdown=False)


def rendered(result: Any, *, on_terminal: bool, show_all: str | None = None) -> RenderableType:
    """Render a result.

    Args:
        result: The result, as JSON.
        on_terminal: Whether to render Markdown and to align to the width of the terminal.
        show_all: The command that shows the whole result, to name if something is cut; None to cut nothing.
    """
    parts = parts_of(result)
    text, facts, conflicts = parts.text, parts.facts, parts.conflicts
    rows = [_row(fact) for fact in facts]
    if show_all is not None:
        text, conflicts = _beginning(text), conflicts[:_CONFLICTS_MAX]
        facts = _first_of_each(facts)
        rows = [_short_row(fact) for fact in facts]
    # Links show their address, because a label could name a different one.
    shown: list[RenderableType] = [
        Markdown(text, hyperlinks=False) if parts.is_markdown and on_terminal else Text(text)
    ]
    if rows:
        shown += ["", _table(rows) if on_terminal else _lines(rows)]
    shown += [Text(conflict, style="yellow") for conflict in conflicts]
    left_out = [
        f"{more:,} more {what}"
        for more, what in (
            (len(parts.text) - len(text), "characters"),
            (len(parts.facts) - len(facts), "facts"),
            (len(parts.conflicts) - len(conflicts), "conflicts"),
        )
        if more
    ] or ["long values in full" for row, fact in zip(rows, facts, strict=True) if row != _row(fact)][:1]
    if left_out:
        shown += ["", Text(f"… {', '.join(left_out)}: {show_all}", style="dim")]
    return Group(*shown)


def _facts(facts: Mapping[str, Any], agent: str | None = None) -> Iterator[Fact]:
    for name, fact in facts.items():
        noted = fact if isinstance(fact, Mapping) else {"value": fact}
        yield Fact(agent, name, noted.get("value"), str(noted.get("unit") or ""))


def _first_of_each(facts: tuple[Fact, ...]) -> tuple[Fact, ...]:
    """Return the first facts of each agent, so that one with many does not displace the others."""
    agents = {fact.agent for fact in facts}
    of_each = max(_FACTS_OF_EACH_MIN, _FACTS_MAX // max(1, len(agents)))
    return tuple(
        fact for agent in dict.fromkeys(fact.agent for fact in facts)
        for fact in [each for each in facts if each.agent == agent][:of_each]
    )  # fmt: skip


def _beginning(text: str) -> str:
    if len(text) <= _TEXT_MAX_CHARACTERS:
        return text
    end = boundary(text, _TEXT_MAX_CHARACTERS)
    line_end = text.rfind("\n", 0, end)  # whole lines, so that no table row or mark-up is broken off
    return text[: line_end if line_end > end // 2 else end].rstrip()


def _row(fact: Fact) -> _Row:
    text = fact.value if isinstance(fact.value, str) else json_for_people(fact.value)
    return one_line(fact.agent or ""), one_line(fact.name), printable(f"{text} {fact.unit}".rstrip())


def _short_row(fact: Fact) -> _Row:
    agent, name, value = _row(fact)
    if len(value) > _VALUE_MAX_CHARACTERS and isinstance(fact.value, list | dict):
        return agent, name, f"{len(fact.value)} values"
    return agent, name, beginning_of(value, _VALUE_MAX_CHARACTERS)


def _table(rows: list[_Row]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    before = None
    for agent, name, value in rows:
        cells = [Text(name, style="cyan"), Text(value)]
        table.add_row(*([Text(agent if agent != before else "", style="bold")] if agent else []), *cells)
        before = agent
    return table


def _lines(rows: list[_Row]) -> Text:
    """Return the rows as lines that begin with their agent, for `grep`."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = [f"{agent:<{widths[0]}}  {name:<{widths[1]}}  {value}".strip() for agent, name, value in rows]
    return Text("\n".join(lines))
