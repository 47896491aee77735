"""Asks questions on the terminal: those of a run, and for a confirmation.

They are written to stderr, so that stdout has only the run's state.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from runcast.client.question import Question
from runcast.client.terminal.text import json_for_people, one_line, printable
from runcast.errors import InvalidInput


async def ask(questions: Iterable[Question]) -> dict[str, str]:
    """Ask each question until a line is typed, and return the lines by the questions' ids.

    Raises:
        InvalidInput: The input has ended.
    """
    console = Console(stderr=True)
    return {question.id: await _answer(question, console) for question in questions}


async def confirm(question: str) -> bool:
    """Ask a question, and return whether the typed line is `yes`."""
    Console(stderr=True).print(Text(f"{question} Type yes: "), end="", soft_wrap=True)
    return (await typed_line()).strip() == "yes"


async def _answer(question: Question, console: Console) -> str:
    console.print(Text(one_line(question.name) or "question", style="bold"), soft_wrap=True)
    if question.reason is not None:
        reason = question.reason
        console.print(Text(printable(reason) if isinstance(reason, str) else json_for_people(reason, indent=2)))
    while True:
        console.print("> ", end="")
        line = await typed_line()
        if not line:
            raise InvalidInput(f"{one_line(question.name)} has no answer: the input has ended. Answer with --json.")
        if answer := line.strip():
            return answer


async def typed_line() -> str:
    """Return the next line of the input; empty if it has ended. A signal can end the wait for a line of a terminal."""
    if sys.stdin.isatty():
        loop, typed = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(sys.stdin, typed.set)
        try:
            await typed.wait()
        finally:
            loop.remove_reader(sys.stdin)
    return sys.stdin.readline()
