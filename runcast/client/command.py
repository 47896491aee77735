"""The command `runcast`: start a run or a job and watch it, watch, show, cancel or list them, or print a token.

Everything that can go wrong on purpose ends as one line on stderr; the exit code tells scripts what became of the run.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import logging
import sys
import uuid
from collections.abc import Sequence
from typing import Any

import boto3
from rich.console import Console

from runcast.client.client import Client, connect
from runcast.client.config import ClientConfig
from runcast.client.json_view import JsonView
from runcast.client.outcome import LOST, TIMEOUT, Outcome
from runcast.client.sign_in import COGNITO_CLIENT_CONFIG, sign_in
from runcast.client.step import Progress
from runcast.client.view import TerminalView, View
from runcast.client.watch import Watch
from runcast.errors import InvalidInput, RuncastError, Unavailable
from runcast.parameters import checked_parameters

_EXIT_CODES = {"complete": 0, "error": 1, "cancelled": 3, LOST: 4, TIMEOUT: 4, "waiting": 5}
_UNAVAILABLE, _REFUSED, _INTERRUPTED = 1, 2, 130

_EPILOG = """\
exit codes:
  0    the run or job is complete; for show, list, cancel and token: it was answered, whatever the answer says
  1    it ended in an error, or the service cannot be reached
  2    wrong usage or input, missing settings, or refused
  3    it was cancelled
  4    it is lost (its worker gives no sign of life), or --timeout-seconds is over
  5    the run waits for people
  130  interrupted; the run or job goes on

environment:
  RUNCAST_GRAPHQL_URL, RUNCAST_USER_POOL_CLIENT_ID   Terraform's outputs of these names
  RUNCAST_REGION                                     the AWS region of the user pool
  RUNCAST_USERNAME, RUNCAST_PASSWORD                 who signs in
  RUNCAST_USER_ID_CLAIM                              the claim that names the user, by default sub
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: Its arguments; by default those of the process.

    Returns:
        The exit code, as `runcast --help` lists them.
    """
    arguments = _parser().parse_args(argv)
    # It warns of connections that are gone already; what users need to know of them they are told here.
    logging.getLogger("gql").setLevel(logging.ERROR)
    try:
        return asyncio.run(_command(arguments))
    except Unavailable as error:
        return _complain(str(error), _UNAVAILABLE)
    except RuncastError as error:
        return _complain(str(error), _REFUSED)
    except KeyboardInterrupt:
        return _complain("interrupted", _INTERRUPTED)


async def _command(arguments: argparse.Namespace) -> int:
    config = ClientConfig.from_environment()
    if arguments.command == "token":
        return _print_token(config)
    async with connect(config, notify=_say) as client:
        if arguments.command == "show":
            return await _show(client, arguments)
        if arguments.command == "list":
            return await _list(client, arguments)
        if arguments.command == "cancel":
            return await _cancel(client, arguments)
        watched = {"live": not arguments.no_live, "timeout_seconds": arguments.timeout_seconds}
        if arguments.command == "run":
            watch = client.run(
                arguments.agent,
                arguments.query,
                parameters=arguments.parameters,
                request_id=arguments.request_id,
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
        else:
            watch = client.watch(arguments.request_id, **watched)
        return await _follow(client, watch, arguments)


async def _follow(client: Client, watch: Watch, arguments: argparse.Namespace) -> int:
    view = _view(arguments, watch)
    try:
        with view:
            async for step in watch:
                view.step(step)
    except asyncio.CancelledError:
        if how := _how_to_come_back(watch):
            _say(how)
        raise
    except Unavailable as error:
        raise Unavailable(f"{error} {_how_to_come_back(watch)}".rstrip()) from error
    outcome = watch.outcome
    assert outcome is not None  # noqa: S101 - the iteration has ended without an error
    view.outcome(dataclasses.replace(outcome, result=await _whole_result(client, outcome)))
    return _EXIT_CODES[outcome.status]


async def _whole_result(client: Client, told: Outcome | Progress) -> Any:
    """Return what came out, fetched if it was too large for the record; None if it cannot be fetched."""
    if told.result_link is None:
        return told.result
    try:
        return await client.fetch_result(told.result_link)
    except RuncastError as error:
        _say(str(error))
        return None


def _how_to_come_back(watch: Watch) -> str:
    """Return what is known of a run that is watched no longer, and how to go on; nothing if there is no run."""
    if watch.began_ms is None and not watch.start_in_doubt:
        return ""
    return (
        f"The {'job' if watch.is_job else 'run'} {'may have been started' if watch.began_ms is None else 'goes on'}. "
        f"To watch it again: runcast watch {watch.request_id}; to cancel it: runcast cancel {watch.request_id}"
    )


async def _show(client: Client, arguments: argparse.Namespace) -> int:
    progress = await client.show(arguments.request_id)
    result = await _whole_result(client, progress)
    _view(arguments).record(arguments.request_id, dataclasses.replace(progress, result=result))
    return 0


async def _list(client: Client, arguments: argparse.Namespace) -> int:
    _view(arguments).runs([run async for run in client.runs(limit=arguments.limit)])
    return 0


async def _cancel(client: Client, arguments: argparse.Namespace) -> int:
    answer = await client.cancel(arguments.request_id)
    _view(arguments).cancelled(answer)
    if not answer.status.ended:
        _say(f"Its worker has been asked to stop. To see it stop: runcast watch {answer.request_id}")
    return 0


def _view(arguments: argparse.Namespace, watch: Watch | None = None) -> View:
    console = Console()
    return JsonView(console) if arguments.json else TerminalView(console, watch)


def _print_token(config: ClientConfig) -> int:
    cognito = boto3.client("cognito-idp", region_name=config.region, config=COGNITO_CLIENT_CONFIG)
    print(sign_in(cognito, config).id_token)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="runcast",
        description="Run agents and watch what they are doing, live and without gaps.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="{run,job,watch,show,list,cancel,token}")
    run = commands.add_parser("run", help="start a run and watch it")
    run.add_argument("agent", help="which agent, such as terrain")
    run.add_argument("query", help="what it shall do")
    run.add_argument("--request-id", type=_uuid, metavar="UUID", help="the id that the run shall have")
    job = commands.add_parser("job", help="start a job, which runs the agents of a playbook, and watch it")
    job.add_argument("playbook", help="which playbook, such as site-assessment")
    job.add_argument("query", help="what it is about")
    job.add_argument("--id", type=_uuid, metavar="UUID", dest="job_id", help="the id that the job shall have")
    watch = commands.add_parser("watch", help="watch a run or a job from its first step on")
    watch.add_argument("request_id", metavar="ID", help="which run or job")
    show = commands.add_parser("show", help="show a run's or a job's record as it is now")
    show.add_argument("request_id", metavar="ID", help="which run or job")
    listing = commands.add_parser("list", help="list your own runs and jobs, newest first")
    listing.add_argument("--limit", type=_count, default=20, metavar="N", help="how many at most, by default 20")
    cancel = commands.add_parser("cancel", help="cancel a run or a job, or ask its workers to stop")
    cancel.add_argument("request_id", metavar="ID", help="which run or job")
    commands.add_parser("token", help="sign in and print the ID token, which REST calls want")
    for each in (run, job):
        each.add_argument("--parameters", type=_json_object, metavar="JSON", help="its parameters: a JSON object")
    for each in (run, job, watch):
        each.add_argument("--no-live", action="store_true", help="use no WebSocket; only read the record")
        each.add_argument("--timeout-seconds", type=_seconds, metavar="N", help="watch no longer than this")
    for each in (run, job, watch, show):
        each.add_argument("--json", action="store_true", help="print one JSON object a line: steps, then a summary")
    for each in (listing, cancel):
        each.add_argument("--json", action="store_true", help="print one JSON object a run or job")
    return parser


def _json_object(text: str) -> dict[str, Any]:
    try:
        return checked_parameters(text)
    except InvalidInput as error:
        syntax = f" {error.__cause__}." if isinstance(error.__cause__, json.JSONDecodeError) else ""
        raise argparse.ArgumentTypeError(f"{error}{syntax}") from error


def _uuid(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError("must be a UUID") from error


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) > 0):
        raise argparse.ArgumentTypeError("must be a whole number above 0")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError("must be a number of seconds above 0")
    return seconds


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _complain(text: str, exit_code: int) -> int:
    _say(f"runcast: {' '.join(text.split())}")
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
