"""The entry point of the command `runcast`: its arguments, its exit codes, and its error handling.

Every expected error is reported as one line on stderr, and the exit code reports the run's outcome to scripts. The
commands themselves are imported on use, so that `--help` stays fast.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

from runcast.client.terminal.interrupts import Interrupted, Interrupts
from runcast.client.terminal.output import Output, OutputFailed
from runcast.errors import InvalidInput, RuncastError, Unavailable
from runcast.parameters import checked_answers, checked_parameters
from runcast.record.model import RunStatus

_UNAVAILABLE, _REFUSED, _NO_OUTPUT = 1, 2, 6
# The shell's convention for commands that a signal ended.
_SIGNALLED = 128

_EPILOG = """\
exit codes:
  0    the run or job is complete; for the commands that watch nothing: the request was served
  1    it ended in an error, or the service cannot be reached
  2    wrong usage or input, missing settings, or refused
  3    it was cancelled
  4    it is lost (its worker gives no sign of life), or --timeout-seconds is over
  5    the run waits for an answer: see runcast answer
  6    the output cannot be written (a closed pipe, a full disk); the run or job goes on
  129  hung up (SIGHUP), 130 interrupted (Ctrl-C), 143 terminated (SIGTERM); the run or job goes on

ID is the id of a run or a job. The beginning of an id is enough if only one of the latest 200 ids begins with it; with
--operator, give the whole id.

environment:
  RUNCAST_GRAPHQL_URL, RUNCAST_USER_POOL_CLIENT_ID   Terraform's outputs of these names
  RUNCAST_REGION                                     the AWS region of the user pool
  RUNCAST_USERNAME, RUNCAST_PASSWORD                 the user who signs in
  RUNCAST_USER_ID_CLAIM                              the claim that names the user, by default sub
  RUNCAST_ID_TOKEN                                   a token of an OpenID Connect provider; replaces all but the first

With --operator: RUNCAST_GRAPHQL_URL, RUNCAST_REGION, and AWS credentials with the policy of Terraform's output
operator_policy_json, for example by AWS_PROFILE.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: Its arguments; by default those of the process.

    Returns:
        The exit code, as `runcast --help` lists them.
    """
    try:
        with Interrupts() as interrupts, Output():
            arguments = _parser().parse_args(argv)
            from runcast.client.terminal.commands import run_command

            # gql warns about closed connections; the client itself reports what users need to know.
            logging.getLogger("gql").setLevel(logging.ERROR)
            return interrupts.run(run_command(arguments))
    except OutputFailed as error:
        return _complain(str(error), _NO_OUTPUT)
    except Unavailable as error:
        return _complain(str(error), _UNAVAILABLE)
    except RuncastError as error:
        return _complain(str(error), _REFUSED)
    except Interrupted as interrupted:
        return _complain("interrupted", _SIGNALLED + interrupted.signal_number)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="runcast",
        description="Run agents and watch what they are doing, live and without gaps.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(
        dest="command",
        required=True,
        metavar="{run,chat,job,watch,rerun,show,timeline,answer,list,cancel,forget,agents,token}",
    )
    parser.add_argument("--version", action="version", version=f"runcast {_version()}")
    run = commands.add_parser("run", help="start a run and watch it")
    run.add_argument("agent", help="which agent, such as terrain")
    run.add_argument("query", help="the request, in words")
    run.add_argument("--request-id", type=_uuid, metavar="UUID", help="the id of the new run")
    run.add_argument(
        "--attach",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="upload a file for the agent; repeatable",
    )
    chat = commands.add_parser("chat", help="talk with an agent: each line is a query; Ctrl-D ends")
    chat.add_argument("agent", help="which agent, such as terrain")
    chat.add_argument("--conversation", type=_uuid, metavar="UUID", help="continue this conversation")
    job = commands.add_parser("job", help="start a job, which runs the agents of a playbook, and watch it")
    job.add_argument("playbook", help="which playbook, such as site-assessment")
    job.add_argument("query", help="the request, in words")
    job.add_argument("--id", type=_uuid, metavar="UUID", dest="job_id", help="the id of the new job")
    watch = commands.add_parser("watch", help="watch a run or a job from its first step on")
    watch.add_argument("request_id", metavar="ID", help="which run or job")
    rerun = commands.add_parser("rerun", help="start a run or a job again with the same input, and watch the new one")
    rerun.add_argument("request_id", metavar="ID", help="which run or job")
    show = commands.add_parser("show", help="show a run's or a job's record as it is now")
    show.add_argument("request_id", metavar="ID", help="which run or job")
    timeline = commands.add_parser("timeline", help="show each step of a run with its beginning and its duration")
    timeline.add_argument("request_id", metavar="ID", help="which run or job")
    answer = commands.add_parser("answer", help="answer the questions of a run that waits")
    answer.add_argument("request_id", metavar="ID", help="which run")
    answer.add_argument(
        "--json",
        type=_answers,
        metavar="JSON",
        help="the answers: a JSON object by the questions' ids. Asks nothing, and prints one JSON object",
    )
    listing = commands.add_parser("list", help="list your own runs and jobs, newest first")
    listing.add_argument("--limit", type=_count, default=20, metavar="N", help="how many at most, by default 20")
    listing.add_argument("--status", choices=[*map(str, RunStatus)], help="only those with this status")
    listing.add_argument("--agent", help="only those of this agent; the agent of jobs is orchestrator")
    cancel = commands.add_parser("cancel", help="cancel a run or a job, or ask its workers to stop")
    cancel.add_argument("request_id", metavar="ID", help="which run or job")
    forget = commands.add_parser("forget", help="delete what is stored of all your runs, jobs and conversations")
    forget.add_argument("--yes", action="store_true", help="do not ask for confirmation")
    for each in (show, listing, cancel, forget):
        each.add_argument(
            "--operator", action="store_true", help="as an operator with AWS credentials: the runs of all users"
        )
    for each in (listing, forget):
        each.add_argument("--tenant", metavar="ID", help="with --operator: those of this tenant")
        each.add_argument("--user", metavar="ID", help="with --operator: those of this user")
    listing.add_argument(
        "--older-than-minutes", type=_count, metavar="N", help="with --operator: those that were started before that"
    )
    agents = commands.add_parser("agents", help="list the agents and playbooks that can be started")
    commands.add_parser("token", help="sign in and print the ID token for REST calls")
    for each in (run, job):
        each.add_argument("--parameters", type=_parameters, metavar="JSON", help="its parameters: a JSON object")
    for each in (run, chat, job, watch, rerun):
        each.add_argument("--no-live", action="store_true", help="use no WebSocket; only read the record")
        each.add_argument("--timeout-seconds", type=_seconds, metavar="N", help="watch no longer than this")
    for each in (run, job, watch, rerun, show):
        each.add_argument("--json", action="store_true", help="print one JSON object per line: steps, then a summary")
    for each in (listing, cancel):
        each.add_argument("--json", action="store_true", help="print one JSON object per run or job")
    agents.add_argument("--json", action="store_true", help="print one JSON object per agent or playbook")
    return parser


def _version() -> str:
    with suppress(metadata.PackageNotFoundError):
        return metadata.version("runcast")
    return "(not installed)"


def _parameters(text: str) -> dict[str, Any]:
    return _json_object(checked_parameters, text)


def _answers(text: str) -> dict[str, Any]:
    return _json_object(checked_answers, text)


def _json_object(checked: Callable[[str], dict[str, Any]], text: str) -> dict[str, Any]:
    try:
        return checked(text)
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


def _complain(text: str, exit_code: int) -> int:
    # stderr may be closed, too.
    with suppress(OSError, ValueError):
        if sys.stderr is not None:
            print(f"runcast: {' '.join(text.split())}", file=sys.stderr, flush=True)
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
