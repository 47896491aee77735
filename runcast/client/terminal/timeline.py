"""The command `runcast timeline`: each step of a run with its beginning and its duration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runcast.client.step import WatchedStep
from runcast.client.terminal.text import one_line, what_happened


@dataclass(frozen=True)
class Span:
    """One step and its duration.

    Attributes:
        step: The step.
        seconds: How long it took: a tool call or an agent until its end, any other step until the next one. None for
            the last step, and for what has not ended.
        depth: How many steps enclose it.
    """

    step: WatchedStep
    seconds: float | None
    depth: int


def spans_of(steps: Sequence[WatchedStep]) -> list[Span]:
    """Return the steps of one record with their durations, without those that only end an earlier step."""
    ends = {step.parent_seq: step for step in steps if step.ends_part}
    shown = [step for step in steps if not step.ends_part]
    depths: dict[int | None, int] = {None: -1}
    spans = []
    for step, after in zip(shown, [*shown[1:], None], strict=True):
        depths[step.seq] = depth = depths.get(step.parent_seq, -1) + 1
        begins_part = step.status in ("calling_tool", "agent_invoking") and step.seq in ends
        until = ends[step.seq] if begins_part else after
        spans.append(Span(step, None if until is None else until.elapsed_seconds - step.elapsed_seconds, depth))
    return spans


def lines_of(spans: Sequence[Span]) -> list[str]:
    """Return a line for each step: when it began, how long it took, and what it was."""
    return [
        f"{span.step.elapsed_seconds:9.1f} s  {_duration(span.seconds)}  {'  ' * span.depth}{what_happened(span.step)}"
        f"  {one_line(span.step.message)}".rstrip()
        for span in spans
    ]


def _duration(seconds: float | None) -> str:
    return f"{'':>9}" if seconds is None else f"{seconds:7.1f} s"
