"""Renders a job as a tree of its stages and agents with their current activity; redrawn on each change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from rich.text import Text

from runcast.client.job import JobRun, run_title
from runcast.client.status import Status
from runcast.client.step import WatchedStep
from runcast.client.terminal.text import one_line, what_happened
from runcast.client.terminal.tree import bar
from runcast.record.model import Liveness, RunStatus

_NOT_BEGUN = ("·", "dim")
_UNKNOWN = ("▸", "")
_ENDED_BY = {"agent_complete": RunStatus.COMPLETE, "agent_error": RunStatus.ERROR}
_MARKS: dict[str, tuple[str, str]] = {
    RunStatus.IN_PROGRESS: ("▸", "cyan"),
    RunStatus.WAITING: ("?", "yellow"),
    RunStatus.COMPLETE: ("✓", "green"),
    RunStatus.ERROR: ("✗", "red"),
    RunStatus.CANCELLED: ("■", "yellow"),
}


class JobTree:
    """Holds the latest step of each run of a job, and renders the tree's lines."""

    def __init__(self) -> None:
        self._latest: dict[str, WatchedStep] = {}
        self._failures: Counter[str] = Counter()

    def take(self, step: WatchedStep) -> None:
        """Store the newest step of a run."""
        if step.request_id is not None and step.seq is not None:
            self._latest[step.request_id] = step
            self._failures[step.request_id] += step.ends_part and step.status in ("tool_error", "agent_error")

    def lines(self, runs: Sequence[JobRun], now_ms: int) -> list[Text]:
        """Return the tree's lines: one per run, and one per stage whose name differs from its agent's.

        Args:
            runs: The job's runs, in the playbook's order.
            now_ms: The time (epoch ms), for the elapsed time of open runs.
        """
        width = max((len(run_title(run.name, run.attempt)) for run in runs), default=0)
        lines = []
        for stage, in_stage in groupby(runs, key=lambda run: run.stage):
            members = list(in_stage)
            if {run.name for run in members} != {stage}:
                lines.append(Text(f"  {one_line(stage)}", style="bold", no_wrap=True, overflow="ellipsis"))
            lines += [self._line(run, width, now_ms) for run in members]
        return lines

    def _line(self, run: JobRun, width: int, now_ms: int) -> Text:
        latest = self._latest.get(run.request_id)
        status = _status(run, latest)
        mark, style = _NOT_BEGUN if status is None else _MARKS.get(status, _UNKNOWN)
        line = Text(no_wrap=True, overflow="ellipsis")
        line.append(f"    {mark} {one_line(run_title(run.name, run.attempt)):<{width}}", style=style)
        if status is None:
            return line
        steps = max(run.last_seq, latest.seq or 0 if latest else 0)
        line.append(f"  {_seconds(run, now_ms):7.1f} s  {steps:>4} steps", style="dim")
        if failed := self._failures[run.request_id]:
            line.append(f"  {failed} failed", style="red")
        if latest is not None and not status.ended:
            line.append(f"  {what_happened(latest)}")
            line.append(f"  {bar(latest)}".rstrip())
            line.append(f"  {one_line(latest.message)}" if latest.message else "")
            if run.liveness not in (None, Liveness.LIVE):
                line.append(f"  ({one_line(str(run.liveness))})", style="yellow")
        elif run.error is not None:
            line.append(f"  {one_line(status)}: {one_line(run.error)}", style=style)
        else:
            line.append(f"  {one_line(status)}", style=style)
            # The job's record may show the end before the run's last step arrives.
            if status.ended and latest is not None and latest.message and latest.may_end_run:
                line.append(f"  {one_line(latest.message)}")
        return line


def _status(run: JobRun, latest: WatchedStep | None) -> Status | None:
    """Return the run's status, from its last step if that has arrived, otherwise from the job's record."""
    if latest is not None and latest.may_end_run and run.status is not None and not run.status.ended:
        return Status(_ENDED_BY.get(latest.status, latest.status))
    return run.status


def _seconds(run: JobRun, now_ms: int) -> float:
    if run.status is not None and run.status.ended:
        return run.elapsed_seconds or 0.0
    return max(0, now_ms - (run.created_at_ms or now_ms)) / 1000
