"""Records a job's tree while the job runs, and draws it as an SVG that plays the recording.

The picture is made of what the command `runcast job` shows in a terminal, at the times of the job's steps.
"""

from __future__ import annotations

import io
import re
import shlex
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from rich.console import Console, Group, RenderableType
from rich.text import Text

from runcast.client.client import connect
from runcast.client.config import ClientConfig
from runcast.client.terminal.view import TerminalView

_COLUMNS = 110
_FRAMES_MAX = 14
_FRAME_MIN_SECONDS, _LAST_SECONDS = 0.4, 6.0
# Rich's SVG loads its font from elsewhere; a viewer has a monospaced one.
_FONT_FACES = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


class Frame(NamedTuple):
    """What the terminal showed from a moment on."""

    seconds: float
    shown: RenderableType


async def record_job(environment: Mapping[str, str], playbook: str, query: str) -> list[Frame]:
    """Start a job, watch it to its end, and return what a terminal showed after each step.

    Args:
        environment: The variables of the client (`RUNCAST_…`).
        playbook: The playbook.
        query: The job's query.

    Raises:
        RuncastError: The job could not be started or watched.
    """
    frames: list[Frame] = []
    prompt = Text(f"$ runcast job {playbook} {shlex.quote(query)}", style="bold")
    console = Console(file=io.StringIO(), force_terminal=True, width=_COLUMNS)
    async with connect(ClientConfig.from_environment(environment)) as client:
        watch = client.job(playbook, query)
        view = TerminalView(console, watch, now_ms=client.now_ms)
        async for step in watch:
            view.step(step)
            seconds = (client.now_ms() - (watch.began_ms or 0)) / 1000
            # Rendered now: the view shows what is now whenever it is rendered.
            frames.append(Frame(seconds, Group(prompt, *_lines(view.now()))))
        frames.append(Frame(frames[-1].seconds, Group(prompt, *_lines(view.now()), Text(str(watch.outcome)))))
    return frames


def animated(frames: Sequence[Frame], title: str) -> str:
    """Return an SVG that shows the frames one after the other, again and again, at half the recorded speed.

    It shows the last frame only if the viewer plays no animations, or the reader prefers none.
    """
    chosen = _thinned(frames)
    height = max(len(_lines(frame.shown)) for frame in chosen)
    pauses = [
        max(_FRAME_MIN_SECONDS, 2 * (following.seconds - frame.seconds)) for frame, following in pairwise(chosen)
    ] + [_LAST_SECONDS]
    total, begin = sum(pauses), 0.0
    rules, groups, size = [], [], ""
    for number, (frame, pause) in enumerate(zip(chosen, pauses, strict=True)):
        svg = _FONT_FACES.sub("", _drawn(frame.shown, height, title, f"f{number}"))
        size = re.search(r'viewBox="[^"]+"', svg)[0]  # type: ignore[index]
        groups.append(f'<g class="frame" id="frame{number}">{svg.strip()}</g>')
        first, last = 100 * begin / total, 100 * (begin + pause) / total
        hidden_before = (
            f"0%{{visibility:hidden}}{first:.2f}%{{visibility:visible}}" if number else "0%{visibility:visible}"
        )
        hidden_after = f"{last:.2f}%{{visibility:hidden}}" if number < len(chosen) - 1 else ""
        rules.append(f"@keyframes k{number}{{{hidden_before}{hidden_after}}}")
        rules.append(f"#frame{number}{{animation:k{number} {total:.1f}s step-end infinite}}")
        begin += pause
    still = f".frame{{visibility:hidden}}#frame{len(chosen) - 1}{{visibility:visible}}"
    motion = f"@media (prefers-reduced-motion: no-preference){{{''.join(rules)}}}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">\n<title>{title}</title>\n'
        f"<!-- Recorded by make picture. -->\n<style>{still}{motion}</style>\n" + "\n".join(groups) + "\n</svg>\n"
    )


def _thinned(frames: Sequence[Frame]) -> list[Frame]:
    """Return at most `_FRAMES_MAX` frames that differ, the last one included."""
    step = max(1, -(-len(frames) // (_FRAMES_MAX - 1)))
    return [*frames[:-1:step], frames[-1]]


def _lines(shown: RenderableType) -> list[Text]:
    console = Console(file=io.StringIO(), force_terminal=True, width=_COLUMNS, color_system="truecolor")
    console.print(shown)
    assert isinstance(console.file, io.StringIO)  # noqa: S101 - made two lines above
    return [Text.from_ansi(line) for line in console.file.getvalue().splitlines()]


def _drawn(shown: RenderableType, height: int, title: str, name: str) -> str:
    console = Console(file=io.StringIO(), force_terminal=True, width=_COLUMNS, record=True)
    lines = _lines(shown)
    for line in [*lines, *[Text()] * (height - len(lines))]:
        console.print(line)
    return console.export_svg(title=title, unique_id=name)
