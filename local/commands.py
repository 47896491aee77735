"""What the commands `up`, `down` and `status` do: one local machine in the background, found again by its state."""

import sys

from local.settings import Settings
from local.stack import ENV_FILE, LocalStack, running_stack
from local.stack_state import StackState, load_state


def up(settings: Settings, *, hold: bool) -> int:
    """Bring the local machine up, unless it is up already, and return the exit code.

    Args:
        settings: Where it listens and keeps its state.
        hold: Stay until Ctrl-C or SIGTERM, then stop it; otherwise it runs on in the background.

    Raises:
        GroundMissing, StateDirectoryTaken, StackFailed: See `LocalStack.start` and `running_stack`.
    """
    state = running_stack(settings)
    if state:
        print(f"The local machine is running already.\n\n{usage(state)}")
        return 0
    stack = LocalStack(settings)
    stack.start()
    print(f"\n{usage(stack.state)}")
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
    """Say what runs; return 0 if the local machine is ready, 1 if not."""
    state = load_state(settings.directory)
    if state is None:
        print("The local machine is not running.")
        return 1
    for process in state.processes:
        print(f"{process.name}: {f'process {process.pid}' if process.alive else 'has ended'}")
    print(f"\n{usage(state)}" if state.ready else "It is not ready.")
    return 0 if state.ready else 1


def usage(state: StackState) -> str:
    """Return how to use a local machine that is up."""
    names = " and ".join(f"{user.name} (tenant {user.tenant})" for user in state.users)
    return "\n".join(
        [
            f"GraphQL   {state.outputs['graphql_url']}",
            f"AWS       {state.endpoint_url} (access key test, secret test)",
            f"Model     {state.model_url}",
            f"Users     {names}; passwords in {state.directory / 'stack.json'}",
            "",
            f"As {state.users[0].name}:",
            f"  . {state.directory / ENV_FILE}",
            '  .venv/bin/runcast run terrain "Where could a wind farm be built?"',
        ]
    )


def _hold(stack: LocalStack) -> None:
    print("\nPress Ctrl-C to stop it.")
    try:
        stack.state.processes[-1].wait()
        print("The emulated AWS has ended by itself.", file=sys.stderr)
    finally:
        stack.stop()
        print("The local machine has stopped.")
