"""What each command of `runcast` does: start a run or a job, chat, watch, rerun, show, answer, cancel, list, …."""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
import uuid
from asyncio import CancelledError
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from rich.console import Console

from runcast.client.adjusted_clock import AdjustedClock
from runcast.client.client import Client, connect
from runcast.client.config import ClientConfig, OperatorConfig, TokenConfig
from runcast.client.fetch import fetch_result
from runcast.client.job import JobRun
from runcast.client.operator import Operator, operate
from runcast.client.sign_in import cognito_client, sign_in
from runcast.client.step import Progress
from runcast.client.terminal.json_view import JsonView
from runcast.client.terminal.output import OutputFailed
from runcast.client.terminal.questions import ask, confirm, typed_line
from runcast.client.terminal.text import printable
from runcast.client.terminal.timeline import lines_of, spans_of
from runcast.client.terminal.view import TerminalView, View
from runcast.client.watch import Watch
from runcast.client.watch_outcome import LOST, TIMEOUT, WAITING, WatchOutcome
from runcast.errors import Conflict, InvalidInput, RuncastError, Unavailable

_LATEST_RUNS = 200
_EXIT_CODES = {"complete": 0, "error": 1, "cancelled": 3, LOST: 4, TIMEOUT: 4, WAITING: 5}


async def run_command(arguments: argparse.Namespace) -> int:
    """Run the command that the arguments name.

    Returns:
        The exit code.

    Raises:
        OutputFailed: Its output cannot be written.
        RuncastError: The request was refused, or a service is unavailable.
    """
    if getattr(arguments, "operator", False):
        return await _operate(arguments)
    _require_operator(arguments)
    if arguments.command == "token":
        return _print_token(ClientConfig.from_environment())
    with_token = os.environ.get("RUNCAST_ID_TOKEN")
    config = TokenConfig.from_environment() if with_token else ClientConfig.from_environment()
    async with connect(config, notify=_say) as client:
        if "request_id" in arguments and arguments.command != "run":
            arguments.request_id = await _whole_id(client, arguments.request_id)
        if arguments.command == "show":
            return await _show(client, arguments)
        if arguments.command == "timeline":
            progress = await client.show(arguments.request_id)
            print(*lines_of(spans_of(progress.steps)), sep="\n")
            return 0
        if arguments.command == "forget":
            return await _forget(client, arguments)
        if arguments.command == "agents":
            _view(arguments, client).agents(await client.agents())
            return 0
        if arguments.command == "list":
            return await _list(client, arguments)
        if arguments.command == "answer":
            return await _answer(client, arguments)
        if arguments.command == "cancel":
            return await _cancel(client, arguments)
        if arguments.command == "chat":
            return await _chat(client, arguments)
        watched = {"live": not arguments.no_live, "timeout_seconds": arguments.timeout_seconds}
        if arguments.command == "run":
            watch = client.run(
                arguments.agent,
                arguments.query,
                parameters=arguments.parameters,
                request_id=arguments.request_id,
                attachments=[await client.upload(path) for path in arguments.attach],
                **watched,
            )
        elif arguments.command == "job":
            watch = client.job(
                arguments.playbook,
                arguments.query,
                parameters=arguments.parameters,
                job_id=arguments.job_id,
                **watched,
            )
        elif arguments.command == "rerun":
            watch = await client.rerun(arguments.request_id, **watched)
        else:
            watch = client.watch(arguments.request_id, **watched)
        return await _follow(client, watch, arguments)


async def _operate(arguments: argparse.Namespace) -> int:
    """Run a command for an operator, who has AWS credentials instead of a user."""
    if arguments.command == "forget" and None in (arguments.tenant, arguments.user):
        raise InvalidInput("Name the user whose runs are deleted: --tenant ID --user ID.")
    async with operate(OperatorConfig.from_environment(), notify=_say) as operator:
        if arguments.command == "show":
            await _print_record(operator, arguments)
        elif arguments.command == "cancel":
            _view(arguments, operator).state(await operator.cancel(arguments.request_id))
        elif arguments.command == "forget":
            whose = f"the user {arguments.user} of the tenant {arguments.tenant}"
            if not arguments.yes and not await confirm(f"Delete all runs, jobs and conversations of {whose}?"):
                raise InvalidInput("Nothing was deleted.")
            deleted = await operator.delete_runs(arguments.tenant, arguments.user)
            print(f"Deleted {deleted} runs, jobs and conversations.")
        else:
            runs = operator.runs(
                limit=arguments.limit,
                tenant_id=arguments.tenant,
                user_id=arguments.user,
                agent=arguments.agent,
                status=arguments.status,
                older_than_minutes=arguments.older_than_minutes,
            )
            _view(arguments, operator).runs([run async for run in runs])
    return 0


def _require_operator(arguments: argparse.Namespace) -> None:
    given = [name for name in ("tenant", "user", "older_than_minutes") if getattr(arguments, name, None) is not None]
    if given:
        raise InvalidInput(f"--{given[0].replace('_', '-')} is for operators: add --operator.")


async def _chat(client: Client, arguments: argparse.Namespace) -> int:
    """Start a run for each line, one after the other, and ask the questions of runs that wait, until the input ends."""
    arguments.json = False
    conversation_id = arguments.conversation or str(uuid.uuid4())
    watched = {"live": not arguments.no_live, "timeout_seconds": arguments.timeout_seconds}
    watch = None
    if arguments.conversation:
        conversation = await client.conversation(conversation_id)
        for message in conversation.messages or ():
            print(f"{'> ' if message.role == 'user' else ''}{printable(message.text)}", flush=True)
        if conversation.open_run:
            watch = client.watch(conversation.open_run, **watched)
    while True:
        while watch is not None:
            code = await _follow(client, watch, arguments)
            if code == _EXIT_CODES[WAITING]:
                progress = await client.show(watch.request_id)
                await client.answer(watch.request_id, await ask(progress.questions))
                watch = client.watch(watch.request_id, **watched)
            else:
                watch = None
        print("> ", end="", file=sys.stderr, flush=True)
        line = await typed_line()
        if not line:
            _say(f"\nTo continue: runcast chat {arguments.agent} --conversation {conversation_id}")
            return 0
        if query := line.strip():
            watch = client.run(arguments.agent, query, conversation_id=conversation_id, **watched)


async def _follow(client: Client, watch: Watch, arguments: argparse.Namespace) -> int:
    view = _view(arguments, client, watch)
    try:
        with view:
            async for step in watch:
                view.step(step)
    except CancelledError:
        if how := _how_to_come_back(watch):
            _say(how)
        raise
    except Unavailable as error:
        raise Unavailable(f"{error} {_how_to_come_back(watch)}".rstrip()) from error
    except OutputFailed as error:
        raise OutputFailed(f"{error} {_how_to_come_back(watch)}".rstrip()) from error
    if watch.outcome and watch.outcome.status == TIMEOUT and (how := _how_to_come_back(watch)):
        _say(how)
    outcome = watch.outcome
    assert outcome is not None  # noqa: S101 - the iteration has ended without an error
    view.outcome(dataclasses.replace(outcome, result=await _whole_result(outcome)))
    if waiting := _waiting_runs(outcome.request_id, outcome.status == WAITING, outcome.runs):
        _say(_how_to_answer(waiting))
    return _EXIT_CODES[outcome.status]


async def _whole_result(told: WatchOutcome | Progress) -> Any:
    """Return the result, fetched if it is too large for the record; None if it cannot be fetched."""
    if told.result_link is None:
        return told.result
    try:
        return await fetch_result(told.result_link)
    except RuncastError as error:
        _say(str(error))
        return None


def _how_to_come_back(watch: Watch) -> str:
    """Return the state of a run that is no longer watched, and how to continue; empty if no run was started."""
    if watch.began_ms is None and not watch.start_in_doubt:
        return ""
    return (
        f"The {'job' if watch.is_job else 'run'} {'may have been started' if watch.began_ms is None else 'goes on'}. "
        f"To watch it again: runcast watch {watch.request_id}; to cancel it: runcast cancel {watch.request_id}"
    )


def _waiting_runs(request_id: str, waits: bool, runs: Sequence[JobRun] | None) -> list[str]:
    """Return the ids of the runs that wait for an answer: of a job those of its agents, otherwise the run's own."""
    if runs is None:
        return [request_id] if waits else []
    return [run.request_id for run in runs if run.status is not None and run.status.waiting]


def _how_to_answer(request_ids: list[str]) -> str:
    commands = " and ".join(f"runcast answer {request_id}" for request_id in request_ids)
    return f"It waits for an answer. To answer it: {commands}"


async def _whole_id(client: Client, given: str) -> str:
    """Return the full id that begins with the given text, or the given text itself if no id does.

    Raises:
        InvalidInput: Several ids begin with it.
    """
    with suppress(ValueError):
        return str(uuid.UUID(given))
    ids = [run.request_id async for run in client.runs(limit=_LATEST_RUNS)]
    found = [request_id for request_id in ids if request_id.startswith(given.lower())]
    if given in ids or not found:
        return given
    if len(found) > 1:
        raise InvalidInput(f"{given} is the beginning of several ids: {', '.join(found)}. Give more of it.")
    return found[0]


async def _show(client: Client, arguments: argparse.Namespace) -> int:
    progress = await _print_record(client, arguments)
    if waiting := _waiting_runs(arguments.request_id, progress.status.waiting, progress.runs or None):
        _say(_how_to_answer(waiting))
    return 0


async def _print_record(client: Client | Operator, arguments: argparse.Namespace) -> Progress:
    progress = await client.show(arguments.request_id)
    result = await _whole_result(progress)
    _view(arguments, client).record(arguments.request_id, dataclasses.replace(progress, result=result))
    return progress


async def _list(client: Client, arguments: argparse.Namespace) -> int:
    runs = client.runs(limit=arguments.limit, status=arguments.status, agent=arguments.agent)
    _view(arguments, client).runs([run async for run in runs])
    return 0


async def _answer(client: Client, arguments: argparse.Namespace) -> int:
    answers = arguments.json
    if answers is None:
        progress = await client.show(arguments.request_id)
        if not progress.questions:
            raise Conflict(f"{arguments.request_id} has no open question: it is {progress.status}.")
        answers = await ask(progress.questions)
    state = await client.answer(arguments.request_id, answers)
    _view(arguments, client).state(state)
    if not state.status.ended:
        _say(f"To watch it again: runcast watch {state.request_id}")
    return 0


async def _cancel(client: Client, arguments: argparse.Namespace) -> int:
    answer = await client.cancel(arguments.request_id)
    _view(arguments, client).state(answer)
    if not answer.status.ended:
        _say(f"Its worker has been asked to stop. To see it stop: runcast watch {answer.request_id}")
    return 0


async def _forget(client: Client, arguments: argparse.Namespace) -> int:
    if not arguments.yes and not await confirm("Delete what is stored of all your runs, jobs and conversations?"):
        raise InvalidInput("Nothing was deleted.")
    print(f"Deleted {await client.delete_runs()} runs, jobs and conversations.")
    return 0


def _view(arguments: argparse.Namespace, client: Client | Operator, watch: Watch | None = None) -> View:
    console = Console()
    return JsonView(console) if arguments.json else TerminalView(console, watch, now_ms=client.now_ms)


def _print_token(config: ClientConfig) -> int:
    print(sign_in(cognito_client(config, AdjustedClock()), config).id_token)
    return 0


def _say(text: str) -> None:
    # stderr may be closed.
    with suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)
