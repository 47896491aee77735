"""`python -m local`: the commands behind `make up`, `make down`, `make demo` and their like."""

import argparse
import io
import signal
import sys
from collections.abc import Sequence

from local.commands import down, status, up
from local.demo import NothingToShow, demo
from local.dev import dev
from local.ground import GroundMissing
from local.settings import InvalidSettings, Settings
from local.stack_state import StackFailed, StateDirectoryTaken
from local.terraform_provider.gaps import gaps_markdown


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; 130 after Ctrl-C or SIGTERM."""
    options = _parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Each line as it comes, also into a pipe: bringing everything up takes a while.
        sys.stdout.reconfigure(line_buffering=True)
    # Both end alike: what was started is stopped on the way out.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _run(options, Settings.from_environment())
    except (InvalidSettings, GroundMissing, StateDirectoryTaken, StackFailed, NothingToShow) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130


def _run(options: argparse.Namespace, settings: Settings) -> int:
    match options.command:
        case "up":
            return up(settings, hold=options.hold)
        case "down":
            return down(settings)
        case "dev":
            return dev(settings)
        case "status":
            return status(settings)
        case "demo":
            return demo(settings, agent=options.agent, playbook=options.playbook, query=options.query)
    print(gaps_markdown(), end="")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local", description="Runcast on one machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    up_command = commands.add_parser("up", help="start it, or deploy to it what the sources have changed")
    up_command.add_argument("--hold", action="store_true", help="stay until Ctrl-C, then stop it")
    commands.add_parser("down", help="stop it and forget its state")
    commands.add_parser("dev", help="start it, unless it runs, with `chalice local` in front; follow the sources")
    commands.add_parser("status", help="say what runs")
    demo_command = commands.add_parser("demo", help="start it, watch a run and a job live, stop what was started")
    demo_command.add_argument("agent")
    demo_command.add_argument("query")
    demo_command.add_argument("--playbook", default="", help="which playbook is run after the agent; none by default")
    commands.add_parser("gaps", help="list what the local Terraform provider does not support")
    return parser


if __name__ == "__main__":
    sys.exit(main())
