"""The output for people, live in a terminal or line by line in a file.

Each step of a run is printed once and stays; only the last line of a terminal changes. So users can scroll back, and a
log file has the same lines. A job has several runs at once. A terminal shows them as a tree that is redrawn, and keeps
its final state; a file has one line per step.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Protocol, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.spinner import Spinner
from rich.text import Text

from runcast.client.job import JobRun, run_title
from runcast.client.listed import ListedRun, RunState, Startable
from runcast.client.live_text import LiveText
from runcast.client.step import Progress, WatchedStep
from runcast.client.terminal.job_tree import JobTree
from runcast.client.terminal.result import rendered
from runcast.client.terminal.text import (
    beginning_of,
    json_for_people,
    one_line,
    printable,
    standing,
    what_happened,
)
from runcast.client.terminal.tree import Tree, bar
from runcast.client.watch import Watch
from runcast.client.watch_outcome import WatchOutcome, runs_in_words
from runcast.clock import epoch_ms
from runcast.record.model import Liveness

_STYLES = {
    "agent_invoking": "cyan",
    "calling_tool": "magenta",
    "tool_complete": "magenta",
    "tool_error": "red",
    "agent_complete": "green",
    "agent_error": "red",
    "cancelled": "yellow",
    "waiting": "yellow",
}
_LIVENESS: dict[str, str] = {
    Liveness.LATE: "its worker is late",
    Liveness.LOST: "its worker is lost",
    Liveness.CANCELLING: "being cancelled",
}
_NOT_WORTH_SAYING = (None, Liveness.LIVE, Liveness.DONE)
_REFRESHES_PER_SECOND = 8
_QUERY_MAX_CHARACTERS = 60  # of a query in a list


class View(Protocol):
    """The output of the command; a context in which a live region may be redrawn."""

    def __enter__(self) -> Self:
        """Start the live region, if any."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the live region, also after an error."""

    def step(self, step: WatchedStep) -> None:
        """Show one step."""

    def outcome(self, outcome: WatchOutcome) -> None:
        """Show the outcome of a watched run."""

    def record(self, request_id: str, progress: Progress) -> None:
        """Show a whole record as it is now."""

    def state(self, state: RunState) -> None:
        """Show a run's state after a cancel or an answer."""

    def runs(self, runs: Sequence[ListedRun]) -> None:
        """Show a list of runs."""

    def agents(self, agents: Sequence[Startable]) -> None:
        """Show the agents and playbooks."""


class TerminalView:
    """Prints lines for people. A terminal also gets colours and a live region: the current activity or a job's tree.

    Args:
        console: The console to print to.
        watch: The watch to show in the live region; None to show a record only.
        now_ms: The server's time (epoch ms), for ages and elapsed times.
    """

    def __init__(self, console: Console, watch: Watch | None = None, *, now_ms: Callable[[], int] = epoch_ms) -> None:
        self._console = console
        self._watch = watch
        self._now_ms = now_ms
        self._latest: WatchedStep | None = None
        self._trees: defaultdict[str | None, Tree] = defaultdict(Tree)
        self._texts: defaultdict[tuple[str | None, int | None], LiveText] = defaultdict(LiveText)
        self._speaking: WatchedStep | None = None
        self._job_tree = JobTree()
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
            if self._watch is not None and self._watch.is_job:
                self._runs(self._watch.runs)

    def now(self) -> RenderableType:
        """Return the live region: the current activity, its duration, connection problems, and a job's tree."""
        text = Text(overflow="ellipsis", no_wrap=True)
        watch = self._watch
        if watch is None or watch.began_ms is None:
            text.append("connecting")
        else:
            text.append(f"{max(0, self._now_ms() - watch.began_ms) / 1000:6.1f} s  ", style="bold")
            text.append(f"{one_line(watch.playbook)}  " if watch.playbook else "")
            text.append(what_happened(self._latest) if self._latest else "waiting for the first step")
            text.append(f"  {bar(self._latest)}".rstrip() if self._latest else "")
            if not watch.live and watch.outcome is None:
                text.append("  (not live)", style="yellow")
            if watch.liveness not in _NOT_WORTH_SAYING and watch.outcome is None:
                text.append(f"  ({_LIVENESS.get(watch.liveness, one_line(watch.liveness))})", style="yellow")
        self._spinner.update(text=text)
        if watch is None or not watch.is_job:
            return self._spinner if self._speaking is None else Group(self._spinner, self._said(self._speaking))
        return Group(self._spinner, *self._job_tree.lines(watch.runs, self._now_ms()))

    def step(self, step: WatchedStep) -> None:
        """Show one step. Text in flight changes the live region only."""
        if step.text_offset is not None:
            self._texts[step.request_id, step.parent_seq].add(step.text_offset, step.message)
            self._speaking = step
        elif step.seq is not None:
            self._speaking = None
        if step.is_delta:
            return
        is_job = self._watch is not None and self._watch.is_job
        if is_job and self._console.is_terminal and step.seq is not None:
            if step.run_name is None:
                self._latest = step
            self._job_tree.take(step)
            return
        self._latest = step
        line = Text()
        if is_job and self._watch is not None:
            titles = [run_title(run.name, run.attempt) for run in self._watch.runs]
            who = "job" if step.run_name is None else run_title(step.run_name, step.attempt)
            line.append(f"{one_line(who):<{max(map(len, ['job', *titles]))}} ", style="bold")
        line.append(f"{'live' if step.seq is None else step.seq:>4}", style="bold")
        line.append(f" {step.elapsed_seconds:8.2f} s  ", style="dim")
        place = self._trees[step.request_id].place(step)
        who = f"{one_line(place.agent_name)}: " if place.agent_name and step.status != "agent_invoking" else ""
        line.append("  " * place.depth)
        line.append(f"{who}{what_happened(step):<16}", style=_STYLES.get(step.status, "blue"))
        line.append(f"  {bar(step)}".rstrip())
        line.append(f"  {one_line(step.message)}" if step.message else "")
        line.rstrip()
        self._line(line)

    def outcome(self, outcome: WatchOutcome) -> None:
        """Show the outcome of a watched run. What is long is cut, with a hint at the command that shows all of it."""
        self._result_or_error(outcome.result, outcome.error, show_all=f"runcast show {outcome.request_id}")
        self._line(Text(str(outcome)))

    def record(self, request_id: str, progress: Progress) -> None:
        """Show a whole record as it is now."""
        for step in progress.steps:
            self.step(step)
        self._runs(progress.runs)
        self._result_or_error(progress.result, progress.error)
        stands = standing(progress.status, progress.liveness)
        if progress.playbook is None:
            self._line(Text(f"run {request_id}: {stands}, {progress.last_seq} steps recorded"))
        else:
            recorded = progress.last_seq + sum(run.last_seq for run in progress.runs)
            in_words = runs_in_words(progress.runs)
            self._line(Text(f"job {request_id}: {stands}, {in_words}, {recorded} steps recorded"))

    def state(self, state: RunState) -> None:
        """Show a run's or a job's state after a cancel or an answer."""
        self._line(Text(f"{state.request_id}: {standing(state.status, state.liveness)}"))

    def runs(self, runs: Sequence[ListedRun]) -> None:
        """Show a list of runs."""
        now_ms = self._now_ms()
        rows = [("run", "owner", "agent", "status", "steps", "age", "query")] + [
            (
                run.request_id,
                "" if run.user_id is None else one_line(f"{run.tenant_id} {run.user_id}"),
                one_line(f"playbook {run.playbook}" if run.playbook else run.agent),
                standing(run.status, run.liveness),
                str(run.last_seq),
                _age(now_ms - run.created_at_ms),
                beginning_of(run.query or "", _QUERY_MAX_CHARACTERS),
            )
            for run in runs
        ]
        widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
        owned = any(run.user_id is not None for run in runs)
        for number, (request_id, owner, *texts, steps, age, query) in enumerate(rows):
            cells = [cell.ljust(width) for cell, width in zip(texts, widths[2:], strict=False)]
            named = [request_id.ljust(widths[0]), *([owner.ljust(widths[1])] if owned else [])]
            line = "  ".join([*named, *cells, steps.rjust(widths[4]), age.rjust(widths[5]), query])
            self._line(Text(line.rstrip(), style="bold" if number == 0 else ""))

    def agents(self, agents: Sequence[Startable]) -> None:
        """Show the agents and playbooks."""
        width = max((len(one_line(each.name)) for each in agents), default=0)
        for each in agents:
            line = f"{each.kind:<8}  {one_line(each.name):<{width}}  {one_line(each.description)}"
            self._line(Text(line.rstrip()))
            if each.parameters_schema is not None:
                schema = one_line(json_for_people(each.parameters_schema))
                self._line(Text(f"{'':<10}parameters: {schema}", style="dim"))

    def _said(self, step: WatchedStep) -> Text:
        """Return the end of the speaking agent's text, as much as fits on a line."""
        said = one_line(str(self._texts[step.request_id, step.parent_seq])[-self._console.width :])
        return Text(said[-self._console.width + 2 :], style="italic", no_wrap=True, overflow="ellipsis")

    def _runs(self, runs: Sequence[JobRun]) -> None:
        for line in self._job_tree.lines(runs, self._now_ms()):
            self._console.print(line, soft_wrap=not self._console.is_terminal)

    def _result_or_error(self, result: Any, error: str | None, *, show_all: str | None = None) -> None:
        self.__exit__()
        if error is not None:
            self._panel("error", Text(printable(error)), "red")
        if result is not None:
            content = rendered(result, on_terminal=self._console.is_terminal, show_all=show_all)
            self._panel("result", content, "green")

    def _panel(self, title: str, content: RenderableType, style: str) -> None:
        if self._console.is_terminal:
            self._console.print(Panel(content, title=title, border_style=style))
        else:
            self._console.print(Group(Text(f"{title}:"), content), soft_wrap=True)

    def _line(self, line: Text) -> None:
        self._console.print(line, soft_wrap=True)


def _age(age_ms: int) -> str:
    seconds = max(0, age_ms) // 1000
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
