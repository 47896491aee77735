"""How runs look: to people, live in a terminal or line by line in a file, and to scripts as JSON.

Steps are printed once each and stay; only the last line of a terminal moves. So what was seen can be scrolled back to,
and a log file holds the same lines.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Protocol, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markdown import Markdown
from rich.panel import Panel
from rich.spinner import Spinner
from rich.text import Text

from runcast.client.listed import CancelAnswer, ListedRun
from runcast.client.step import Progress, WatchedStep
from runcast.client.tree import Tree, bar
from runcast.client.watch import Outcome, Watch
from runcast.clock import epoch_ms
from runcast.record.model import RunStatus

_STYLES = {
    "agent_invoking": "cyan",
    "calling_tool": "magenta",
    "agent_complete": "green",
    "agent_error": "red",
    "cancelled": "yellow",
    "waiting": "yellow",
}
_LIVENESS = {
    "late": "its worker is late",
    "lost": "its worker is lost",
    "cancelling": "being cancelled",
}
_NOT_WORTH_SAYING = (None, "live", "done")
_REFRESHES_PER_SECOND = 8


class View(Protocol):
    """What the command shows things through; a context in which a live region may move."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End, also when an error is on its way."""

    def step(self, step: WatchedStep) -> None:
        """Show one step."""

    def outcome(self, outcome: Outcome) -> None:
        """Show what became of a watched run."""

    def record(self, request_id: str, progress: Progress) -> None:
        """Show a whole record as it is now."""

    def cancelled(self, answer: CancelAnswer) -> None:
        """Show how a run stands after a cancel."""

    def runs(self, runs: Sequence[ListedRun]) -> None:
        """Show a list of runs."""


class JsonView:
    """One JSON object a line.

    `{"type": "step", ...}` for each step, then one `{"type": "summary", ...}`; after a cancel the summary alone; in a
    list `{"type": "run", ...}` for each run.
    """

    def __init__(self, console: Console) -> None:
        self._console = console

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def step(self, step: WatchedStep) -> None:
        """Show one step."""
        self._write({"type": "step", **step.to_json()})

    def outcome(self, outcome: Outcome) -> None:
        """Show what became of a watched run."""
        self._write(
            {
                "type": "summary",
                "requestId": outcome.request_id,
                "status": outcome.status,
                "recorded": outcome.recorded,
                "receivedLive": outcome.received_live,
                "missing": outcome.missing,
                "result": outcome.result,
                "error": outcome.error,
            }
        )

    def record(self, request_id: str, progress: Progress) -> None:
        """Show a whole record as it is now."""
        for step in progress.steps:
            self.step(step)
        self._write(
            {
                "type": "summary",
                "requestId": request_id,
                "status": progress.status.value,
                "liveness": progress.liveness,
                "recorded": progress.last_seq,
                "createdAt": progress.created_at_ms,
                "updatedAt": progress.updated_at_ms,
                "result": progress.result,
                "error": progress.error,
            }
        )

    def cancelled(self, answer: CancelAnswer) -> None:
        """Show how a run stands after a cancel."""
        self._write({"type": "summary", **answer.to_json()})

    def runs(self, runs: Sequence[ListedRun]) -> None:
        """Show a list of runs."""
        for run in runs:
            self._write({"type": "run", **run.to_json()})

    def _write(self, line: dict[str, Any]) -> None:
        # ASCII only, so that nothing in it can reach a terminal as a control character.
        self._console.out(json.dumps(line), highlight=False)


class TerminalView:
    """Lines for people; in a terminal with colours and a last line that says what is happening now.

    Args:
        console: Where to.
        watch: What is being watched, for the moving line; None for a record that is only shown.
        now_ms: The wall clock, for the moving line.
    """

    def __init__(self, console: Console, watch: Watch | None = None, *, now_ms: Callable[[], int] = epoch_ms) -> None:
        self._console = console
        self._watch = watch
        self._now_ms = now_ms
        self._latest: WatchedStep | None = None
        self._tree = Tree()
        self._spinner = Spinner("dots")
        self._moving: Live | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal and self._watch is not None:
            self._moving = Live(
                get_renderable=self.now,
                console=self._console,
                transient=True,
                refresh_per_second=_REFRESHES_PER_SECOND,
            )
            self._moving.start(refresh=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._moving is not None:
            self._moving.stop()
            self._moving = None

    def now(self) -> RenderableType:
        """Return the moving line: what is happening, for how long, and what is wrong with the connection."""
        text = Text(overflow="ellipsis", no_wrap=True)
        watch = self._watch
        if watch is None or watch.began_ms is None:
            text.append("connecting")
        else:
            text.append(f"{max(0, self._now_ms() - watch.began_ms) / 1000:6.1f} s  ", style="bold")
            text.append(_what(self._latest) if self._latest else "waiting for the first step")
            text.append(f"  {bar(self._latest)}".rstrip() if self._latest else "")
            if not watch.live and watch.outcome is None:
                text.append("  (not live)", style="yellow")
            if watch.liveness not in _NOT_WORTH_SAYING and watch.outcome is None:
                text.append(f"  ({_LIVENESS.get(watch.liveness, _one_line(watch.liveness))})", style="yellow")
        self._spinner.update(text=text)
        return self._spinner

    def step(self, step: WatchedStep) -> None:
        """Show one step."""
        self._latest = step
        line = Text()
        line.append(f"{'live' if step.seq is None else step.seq:>4}", style="bold")
        line.append(f" {step.elapsed_seconds:8.2f} s  ", style="dim")
        place = self._tree.place(step)
        who = f"{_one_line(place.agent_name)}: " if place.agent_name and step.status != "agent_invoking" else ""
        line.append("  " * place.depth)
        line.append(f"{who}{_what(step):<16}", style=_STYLES.get(step.status, "blue"))
        line.append(f"  {bar(step)}".rstrip())
        line.append(f"  {_one_line(step.message)}" if step.message else "")
        line.rstrip()
        self._line(line)

    def outcome(self, outcome: Outcome) -> None:
        """Show what became of a watched run."""
        self._came_of_it(outcome.result, outcome.error)
        self._line(Text(str(outcome)))

    def record(self, request_id: str, progress: Progress) -> None:
        """Show a whole record as it is now."""
        for step in progress.steps:
            self.step(step)
        self._came_of_it(progress.result, progress.error)
        stands = _standing(progress.status, progress.liveness)
        self._line(Text(f"run {request_id}: {stands}, {progress.last_seq} steps recorded"))

    def cancelled(self, answer: CancelAnswer) -> None:
        """Show how a run stands after a cancel."""
        self._line(Text(f"run {answer.request_id}: {_standing(answer.status, answer.liveness)}"))

    def runs(self, runs: Sequence[ListedRun]) -> None:
        """Show a list of runs."""
        now_ms = self._now_ms()
        rows = [("run", "agent", "status", "steps", "age")] + [
            (
                run.request_id,
                _one_line(run.agent),
                _standing(run.status, run.liveness),
                str(run.last_seq),
                _age(now_ms - run.created_at_ms),
            )
            for run in runs
        ]
        widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
        for number, (*texts, steps, age) in enumerate(rows):
            cells = [cell.ljust(width) for cell, width in zip(texts, widths, strict=False)]
            line = "  ".join([*cells, steps.rjust(widths[3]), age.rjust(widths[4])])
            self._line(Text(line, style="bold" if number == 0 else ""))

    def _came_of_it(self, result: Any, error: str | None) -> None:
        self.__exit__()
        if error is not None:
            self._panel("error", Text(_printable(error)), "red")
        if result is not None:
            self._panel("result", self._rendered(result), "green")

    def _rendered(self, result: Any) -> RenderableType:
        if not isinstance(result, str):
            return Text(json.dumps(result, indent=2))
        text = _printable(result)
        return Markdown(text) if self._console.is_terminal else Text(text)

    def _panel(self, title: str, content: RenderableType, style: str) -> None:
        if self._console.is_terminal:
            self._console.print(Panel(content, title=title, border_style=style))
        else:
            self._console.print(Group(Text(f"{title}:"), content), soft_wrap=True)

    def _line(self, line: Text) -> None:
        self._console.print(line, soft_wrap=True)


def _standing(status: RunStatus, liveness: str) -> str:
    return status.value if status.ended else f"{status.value} ({_one_line(liveness)})"


def _age(age_ms: int) -> str:
    seconds = max(0, age_ms) // 1000
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _what(step: WatchedStep) -> str:
    who = f"{step.agent_name}: " if step.agent_name and step.status == "agent_invoking" else ""
    return _one_line(f"{who}{step.status} {step.tool_name or ''}")


def _one_line(text: str) -> str:
    return " ".join(_printable(text).split())


def _printable(text: str) -> str:
    """Return the text without what could move the cursor or change the terminal: agents repeat what they read."""
    return "".join(each if each in "\n\t" or not unicodedata.category(each).startswith("C") else "�" for each in text)
