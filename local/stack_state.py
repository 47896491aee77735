"""The stored state of a running local system, with which later commands use or stop it.

The state directory is created for one local system and deleted with it. Only its owner can read it, because it has the
users' passwords and the root user's key. The file `stack.json` marks a directory as created here; no other directory
is ever emptied.
"""

import json
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from local.endpoint import Endpoint
from local.processes import LocalProcess
from local.settings import HOST, NO_PROXY_NAMES, ROOT
from local.users import User

_STATE_FILE = "stack.json"


class StateDirectoryTaken(Exception):
    """The state directory contains files that are not the local machine's."""


class StackFailed(Exception):
    """The local machine could not be started or updated. The message says which step failed and why."""


@dataclass(frozen=True)
class StackState:
    """A local machine, from its first process on.

    Attributes:
        directory: Where it keeps its files.
        endpoint: The emulated AWS's address and its root user's key.
        model_url: The model's address.
        starter: The process that starts it.
        processes: Its processes, in the order of their start.
        outputs: Terraform's outputs; empty until it is provisioned.
        users: The users who can sign in; empty until it is ready.
        fingerprint: That of the sources applied last; empty while the state is unknown.
        console_url: The console's address; empty until it serves.
    """

    directory: Path
    endpoint: Endpoint
    model_url: str
    starter: LocalProcess
    processes: tuple[LocalProcess, ...] = ()
    outputs: Mapping[str, Any] = field(default_factory=dict)
    users: tuple[User, ...] = ()
    fingerprint: str = ""
    console_url: str = ""

    @property
    def ready(self) -> bool:
        """Whether it has started completely, and every process still runs."""
        return bool(self.users) and all(process.alive for process in self.processes)

    @property
    def at_work(self) -> bool:
        """Whether the process that starts it still runs."""
        return self.starter.alive

    def save(self) -> None:
        """Write it to its directory."""
        content = json.dumps(asdict(self), indent=2, default=str)
        write_private(self.directory / _STATE_FILE, content)

    def stop(self) -> None:
        """End the processes, the last one first, and remove the directory."""
        for process in reversed(self.processes):
            process.stop()
        if not self.directory.exists():
            return
        for path in self.directory.iterdir():
            if path.name != _STATE_FILE:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        # Last, so that an interrupted removal can be resumed.
        (self.directory / _STATE_FILE).unlink(missing_ok=True)
        self.directory.rmdir()


def load_state(directory: Path) -> StackState | None:
    """Return what was saved in `directory`; None if nothing was."""
    file = directory / _STATE_FILE
    if not file.exists():
        return None
    saved = json.loads(file.read_text())
    processes = tuple(LocalProcess(**process) for process in saved.pop("processes"))
    users = tuple(User(**user) for user in saved.pop("users"))
    starter = LocalProcess(**saved.pop("starter"))
    endpoint = Endpoint(**saved.pop("endpoint"))
    directory = Path(saved.pop("directory"))
    return StackState(directory, endpoint=endpoint, starter=starter, processes=processes, users=users, **saved)


def prepare_directory(directory: Path) -> None:
    """Create the state directory, readable by its owner only.

    Raises:
        StateDirectoryTaken: It already contains files.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(directory.iterdir()):
        raise StateDirectoryTaken(
            f"{directory} holds files that are not the local machine's. Empty it, or name another in RUNCAST_LOCAL_DIR."
        )
    directory.chmod(0o700)


def write_outputs(path: Path, outputs: Mapping[str, Any]) -> None:
    """Write outputs in the form of `terraform output -json`; the file is readable by its owner only."""
    write_private(path, json.dumps({name: {"value": value} for name, value in outputs.items()}))


def write_shell_environment(path: Path, variables: Mapping[str, str]) -> None:
    """Write variables so that a shell can read them with `.`; the file is readable by its owner only.

    The shell finds the command `runcast` from then on, uses no AWS profile, and reaches this machine without a proxy.
    """
    lines = [
        *(f"export {name}={shlex.quote(value)}" for name, value in variables.items()),
        # The AWS tools would combine each of them with the keys above.
        "unset AWS_PROFILE AWS_DEFAULT_PROFILE AWS_SESSION_TOKEN",
        *(f'export {name}="{HOST}${{{name}:+,${name}}}"' for name in NO_PROXY_NAMES),
        f'export PATH="$PATH":{shlex.quote(str(ROOT / ".venv" / "bin"))}',
    ]
    write_private(path, "".join(f"{line}\n" for line in lines))


def write_private(path: Path, content: str) -> None:
    """Write a file that is readable by its owner only."""
    # Write a draft and rename it, so that readers see either the old or the new content.
    draft = path.with_suffix(".new")
    draft.touch(mode=0o600)
    draft.write_text(content)
    draft.replace(path)
