"""The commands `up`, `down` and `status`: a local machine in the background, found by its state file."""

import sys
from pathlib import Path

from local.deployment import ENV_FILE, deploy
from local.emulator.process import CERTIFICATE_FILE
from local.settings import ROOT, Settings
from local.stack import LocalStack, running_stack
from local.stack_state import StackState, load_state
from packager.agents import agent_names


def up(settings: Settings, *, hold: bool) -> int:
    """Start the local machine, or deploy the sources to the running one; return the exit code.

    Args:
        settings: Where it listens and keeps its state.
        hold: Stay until Ctrl-C or SIGTERM, then stop it; otherwise it keeps running in the background.

    Raises:
        GroundMissing, StateDirectoryTaken, StackFailed: See `LocalStack.start`, `running_stack` and `deploy`.
    """
    state = running_stack(settings)
    if state:
        print("The local machine is running already.")
        print(f"\n{usage(deploy(state, agents=settings.agents, say=print), agents=settings.agents)}")
        return 0
    stack = LocalStack(settings)
    stack.start()
    print(f"\n{usage(stack.state, agents=settings.agents)}")
    if hold:
        _hold(stack)
    return 0


def down(settings: Settings) -> int:
    """Stop the local machine and forget its state; return the exit code."""
    state = load_state(settings.directory)
    if state is None:
        print("The local machine is not running.")
        return 0
    state.stop()
    print("The local machine has stopped.")
    return 0


def status(settings: Settings) -> int:
    """Print what is running; return 0 if the local machine is ready, 1 if not."""
    state = load_state(settings.directory)
    if state is None:
        print("The local machine is not running.")
        return 1
    for process in state.processes:
        print(f"{process.name}: {f'process {process.pid}' if process.alive else 'has ended'}")
    print(f"\n{usage(state, agents=settings.agents)}" if state.ready else "It is not ready.")
    return 0 if state.ready else 1


def usage(state: StackState, *, agents: Path | None, rest_url: str | None = None) -> str:
    """Return how to use a local machine that is up.

    Args:
        state: The machine.
        agents: The folder of the user's agents.
        rest_url: Where REST is served beside the REST API that Terraform built.
    """
    agent = next(iter(agent_names(ROOT / "chalice_app", agents)), "AGENT")
    query = "How many words has this question?" if agents else "Where could a wind farm be built?"
    names = " and ".join(f"{user.name} (tenant {user.tenant})" for user in state.users)
    return "\n".join(
        [
            f"Console   {state.console_url}",
            f"REST      {rest_url or state.outputs['rest_url']}",
            f"GraphQL   {state.outputs['graphql_url']}",
            f"AWS       {state.endpoint.url} (its keys are in {state.directory / ENV_FILE})",
            f"TLS       {state.endpoint.tls_url} (its certificate is {state.directory / CERTIFICATE_FILE})",
            f"Model     {state.model_url}",
            f"Users     {names}; passwords in {state.directory / 'stack.json'}",
            "",
            f"As {state.users[0].name}{', in another shell' if rest_url else ''}:",
            f"  . {state.directory / ENV_FILE}",
            *([f"  export RUNCAST_REST_URL={rest_url}"] if rest_url else []),
            f'  runcast run {agent} "{query}"',
            "  ID_TOKEN=$(runcast token)",
            """  curl -w '\\n' -H "Authorization: $ID_TOKEN" "$RUNCAST_REST_URL/agents\"""",
        ]
    )


def _hold(stack: LocalStack) -> None:
    try:  # from the prompt on: an immediate Ctrl-C must not leave a machine behind
        print("\nPress Ctrl-C to stop it.")
        stack.state.processes[-1].wait()
        print("The emulated AWS has ended by itself.", file=sys.stderr)
    finally:
        stack.stop()
        print("The local machine has stopped.")
