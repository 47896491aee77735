"""`make demo`: starts the system on this machine, and watches a run and a job live with the command `runcast`.

It first says what will happen, and ends with what to try next. The output of the command is passed on as it arrives, in
colour on a terminal.
"""

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from rich.text import Text

from local.deployment import ENV_FILE, client_environment
from local.processes import LocalProcess
from local.settings import ROOT, Settings
from local.stack import LocalStack, running_stack
from local.stack_state import StackState
from packager.agents import agent_names

_SUMMARY = re.compile(
    r"(run|job) (\S+): (\S+),(?: \d+ runs?,)? (\d+) steps recorded, (\d+) received live, (\d+) missing"
)


class NothingToShow(Exception):
    """There is no agent. The message says how to get one."""


def demo(settings: Settings, *, agent: str, playbook: str, query: str) -> int:
    """Run an agent and a playbook and watch them, on the running local machine or on a temporary one.

    Prints `run <requestId>: <status>, N steps recorded, M received live, K missing` and, with a playbook,
    `job <jobId>: <status>, R runs, N steps recorded, M received live, K missing`, then the commands to try next.

    Args:
        settings: Where the local machine listens and keeps its state.
        agent: The agent; empty for the first one.
        playbook: Which playbook; empty for none.
        query: The query for both.

    Returns:
        0 if both are complete, no step is missing, and each step arrived live; 1 if not.

    Raises:
        NothingToShow: There is no agent.
        GroundMissing, StateDirectoryTaken, StackFailed: See `LocalStack.start` and `running_stack`.
    """
    agent = agent or next(iter(agent_names(ROOT / "chalice_app", settings.agents)), "")
    if not agent:
        raise NothingToShow("There is no agent to show. Start with one of your own: make new AGENTS=../my-agents")
    print(introduction(settings, agent, playbook))
    with machine(settings) as (state, keeps_running):
        summaries = [_SUMMARY.fullmatch(_runcast(state, "run", agent, query))]
        if playbook:
            summaries.append(_SUMMARY.fullmatch(_runcast(state, "job", playbook, query)))
    print()
    for what, summary in zip(("run", "job"), summaries, strict=False):
        if summary:
            print(summary[0])
        else:
            print(f"The {what} could not be watched to its end.", file=sys.stderr)
    print(_next(state, agent, query, keeps_running=keeps_running))
    return 0 if all(_is_whole(summary) for summary in summaries) else 1


def introduction(settings: Settings, agent: str, playbook: str) -> str:
    """Return what the demo will do, and what it does without."""
    job = f", then a job of several agents (playbook {playbook})" if playbook else ""
    model = (
        f"The model is the one at {settings.model_url}."
        if settings.model_url
        else "No paid model either: a script answers, calls each tool once and repeats the result."
    )
    return f"""\
This runs the agent {agent}{job}
on this machine, and shows each step as it happens. It needs no AWS account:
Terraform deploys the system to an emulated AWS at 127.0.0.1.
{model}
"""


def _next(state: StackState, agent: str, query: str, *, keeps_running: bool) -> str:
    start = ("make up", "start the system with its console; make down stops it")
    commands = [
        *(() if keeps_running else [start]),
        (f". {shlex.quote(_relative(state.directory / ENV_FILE))}", "set up this shell for it"),
        ("runcast list", "list your runs; runcast show ID prints one in full"),
    ]
    width = max(len(command) for command, _ in commands)
    return "\n".join(
        [
            "\nNext:",
            *(f"  {command:<{width}}  # {what}" for command, what in commands),
            f"  runcast run {agent} {shlex.quote(query)}",
            "  make new AGENTS=../my-agents  # write an agent of your own",
            "\nA page for your users: docs/frontend.md. On AWS: make deploy.",
            f"The console: {state.console_url}" if keeps_running else "make up prints the address of the console.",
        ]
    )


def _relative(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def _is_whole(summary: re.Match[str] | None) -> bool:
    if summary is None:
        return False
    _, _, status, recorded, received_live, missing = summary.groups()
    return (status, missing) == ("complete", "0") and recorded == received_live


@contextlib.contextmanager
def machine(settings: Settings) -> Iterator[tuple[StackState, bool]]:
    """Yield a machine, and whether it keeps running afterwards."""
    running = running_stack(settings)
    if running:
        yield running, True
        return
    with LocalStack(settings) as stack:
        yield stack.state, False
        print("\nStopping the system and deleting its records ...", flush=True)
    print("Nothing is left running.")


def _runcast(state: StackState, *arguments: str) -> str:
    """Run the command as the first user, pass on what it prints, and return its last line as plain text."""
    print(f"\n$ runcast {shlex.join(arguments)}", flush=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment.update(client_environment(state, state.users[0]))
    if sys.stdout.isatty():
        # The command writes into a pipe, but must write as if to the terminal.
        size = shutil.get_terminal_size()
        environment.update(TTY_COMPATIBLE="1", TTY_INTERACTIVE="1", COLUMNS=str(size.columns), LINES=str(size.lines))
    command = [sys.executable, "-m", "runcast.client.terminal.command", *arguments]
    printed = bytearray()
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, bufsize=0) as process:
        try:
            while process.stdout and (part := process.stdout.read(65_536)):
                printed += part
                sys.stdout.buffer.write(part)
                sys.stdout.buffer.flush()
        except BaseException:
            LocalProcess.of("runcast", process.pid).stop()
            raise
    lines = printed.decode(errors="replace").splitlines()
    return Text.from_ansi(lines[-1]).plain.strip() if lines else ""
