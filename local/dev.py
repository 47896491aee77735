"""`make dev`: the local machine with `chalice local` in front, both following the sources.

The routes are served from the sources and reload within a second. The functions in the emulated Lambda, above all the
agents, run from a zip as on AWS. So each change is also packaged and applied, which takes longer and happens in the
background. Chalice's own reloading is not used, because it restarts whenever a file is read and ignores the library.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from watchfiles import DefaultFilter, watch
from watchfiles.main import FileChange

from local.chalice.deployed import read_deployed_api
from local.chalice.process import RestProcess
from local.commands import usage
from local.deployment import deploy
from local.ground import listen
from local.processes import LocalProcess
from local.settings import ROOT, Settings
from local.stack import LocalStack, running_stack
from local.stack_state import StackFailed, StackState, load_state
from packager.agents_folder import LOCK

_SOURCES = [ROOT / name for name in ("chalice_app", "runcast", "graphql", "terraform")]
# Path prefixes of files that packaging and Terraform write.
_MADE = [
    f"{ROOT}/{name}"
    for name in ("chalice_app/.chalice/deploy", "terraform/.", "terraform/chalice.tf.json", "terraform/deployment.zip")
]
_LOG = "deployment.log"
_LAST_LINES = 12
_LOOK_MS = 300


def dev(settings: Settings) -> int:
    """Serve until Ctrl-C or SIGTERM, and return the exit code.

    If a local machine is running, this deploys the sources to it and leaves it running. Otherwise it starts one, and
    stops it at the end.

    Raises:
        GroundMissing, StateDirectoryTaken, StackFailed: See `LocalStack.start`, `running_stack` and `deploy`.
    """
    with (
        listen(settings.rest_port, "RUNCAST_LOCAL_REST_PORT") as listener,
        RestProcess(listener, settings.agents) as rest,
    ):
        changes = _watched(settings.agents)
        running = running_stack(settings)
        if running:
            _serve(deploy(running, agents=settings.agents, say=print), rest, settings.agents, changes)
            print("The local machine keeps running; `make down` stops it.")
            return 0
        with LocalStack(settings) as stack:
            _serve(stack.state, rest, settings.agents, changes)
            print("Stopping ...")
    print("The local machine has stopped.")
    return 0


def _watched(agents: Path | None) -> Iterator[set[FileChange]]:
    """Return the changes of the sources from now on, and an empty set again and again while there are none."""
    sources = [*_SOURCES, agents] if agents else _SOURCES
    made = [*_MADE, str(agents / LOCK)] if agents else _MADE
    ignore_made = DefaultFilter(ignore_paths=made)
    changes = watch(*sources, watch_filter=ignore_made, rust_timeout=_LOOK_MS, yield_on_timeout=True)
    next(changes)  # begins to watch, so that no change made during the first deployment is missed
    return changes


def _serve(state: StackState, rest: RestProcess, agents: Path | None, changes: Iterator[set[FileChange]]) -> None:
    """Serve and follow the sources until Ctrl-C."""
    follower = _Follower(state, rest)
    print(f"\n{usage(state, agents=agents, rest_url=rest.url)}\n\nIt follows the sources. Press Ctrl-C to stop it.")
    try:
        for changed in changes:
            follower.follow({Path(path) for _, path in changed})
    except KeyboardInterrupt:
        print()
    finally:
        follower.stop()


class _Follower:
    """Keeps the served routes and the deployed functions up to date with the sources."""

    def __init__(self, state: StackState, rest: RestProcess) -> None:
        self._state = state
        self._rest = rest
        self._api = read_deployed_api(state)
        self._deployment: subprocess.Popen[bytes] | None = None
        self._is_stale = False
        rest.serve(state, self._api)

    def follow(self, changed: set[Path]) -> None:
        """Process the changed files, and start or end a deployment; `changed` may be empty.

        Raises:
            StackFailed: The local machine or `chalice local` has ended.
        """
        if not self._state.ready:
            raise StackFailed("The local machine has ended.")
        if not self._rest.alive:
            raise StackFailed("`chalice local` has ended by itself.")
        if changed:
            print(f"Changed: {', '.join(sorted(os.path.relpath(path, ROOT) for path in changed))}. Reloading ...")
            self._rest.serve(self._state, self._api)
            self._is_stale = True
        if self._deployment and self._deployment.poll() is not None:
            self._end_deployment(self._deployment.returncode)
        if self._is_stale and self._deployment is None:
            self._is_stale = False
            self._begin_deployment()

    def stop(self) -> None:
        """Stop a running deployment."""
        if self._deployment:
            LocalProcess.of("the deployment", self._deployment.pid).stop()
            self._deployment.wait()

    def _begin_deployment(self) -> None:
        # In a separate process, so that the routes keep reloading meanwhile.
        with (self._state.directory / _LOG).open("w") as log:
            self._deployment = subprocess.Popen(
                [sys.executable, "-m", "local", "up"], cwd=ROOT, stdout=log, stderr=log, start_new_session=True
            )

    def _end_deployment(self, exit_code: int) -> None:
        self._deployment = None
        if exit_code != 0:
            log = self._state.directory / _LOG
            print("\n".join(log.read_text().splitlines()[-_LAST_LINES:]))
            print(f"Not deployed, see above; the full log is {log}. Fix the sources to deploy again.")
            return
        print("Deployed.")
        self._state = load_state(self._state.directory) or self._state
        api = read_deployed_api(self._state)
        if api != self._api:
            self._api = api
            self._rest.serve(self._state, api)
