"""Runs the machine's Terraform or OpenTofu in a root directory, as a user would by hand.

It is not installed automatically, because its version is the team's choice. Each run must be able to finish cleanly.
"""

import json
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_OLDEST = (1, 9)
_PROGRAMS = ("terraform", "tofu")
_INSTALL = "https://developer.hashicorp.com/terraform/install or https://opentofu.org/docs/intro/install"


class TerraformUnusable(Exception):
    """Terraform is missing or too old, or its root lacks a file; the message says which."""


class TerraformFailed(Exception):
    """A Terraform command failed and has printed the reason."""


class Terraform:
    """Terraform in one root directory.

    Args:
        directory: The root: Terraform files, and for each environment `<name>.tfvars` and `<name>.<backend>.tfbackend`.
        environment: Which environment's files to use; none for a root that serves one environment.
        agent_settings: A `.tfvars` file with the variable `agent`. The environment's own value takes precedence.

    Raises:
        TerraformUnusable: Terraform is missing or too old, the root is not a directory, or the environment lacks a
            file.
    """

    def __init__(self, directory: Path, environment: str | None, agent_settings: Path | None = None) -> None:
        self._line = [terraform_on_path(), f"-chdir={directory}"]
        if not directory.is_dir():
            raise TerraformUnusable(f"{directory} is not a directory: TF_DIR must name a Terraform root.")
        self._backend, self._variables = _files_of(directory, environment) if environment else ([], [])
        if agent_settings and agent_settings.is_file():
            self._variables = [f"-var-file={agent_settings.resolve()}", *self._variables]

    def init(self) -> None:
        """Install the providers and open the state.

        Raises:
            TerraformFailed: So do all the others.
        """
        # One root serves several environments, each with its own state: -reconfigure switches between them and never
        # copies a state.
        self._run("init", "-input=false", *(["-reconfigure", *self._backend] if self._backend else []))

    def plan(self) -> None:
        """Show what an apply would change."""
        self._run("plan", *self._variables)

    def apply(self) -> None:
        """Show what would change, ask, and change it."""
        self._run("apply", *self._variables)

    def plan_destroy(self, plan: Path) -> dict[str, Any]:
        """Show what a destroy would remove; write it to a file and return it as Terraform's plan in JSON.

        Source: https://developer.hashicorp.com/terraform/internals/json-format
        """
        self._run("plan", "-destroy", "-input=false", f"-out={plan}", *self._variables)
        done = subprocess.run([*self._line, "show", "-json", str(plan)], stdout=subprocess.PIPE, check=False)
        if done.returncode:
            raise TerraformFailed
        shown: dict[str, Any] = json.loads(done.stdout)
        return shown

    def deployed_agents(self) -> list[str]:
        """Return the names of the agents that the state says are deployed; none before the first deployment."""
        done = subprocess.run([*self._line, "show", "-json"], stdout=subprocess.PIPE, check=False)
        if done.returncode:
            raise TerraformFailed
        return deployed_agents_in(json.loads(done.stdout))

    def output(self) -> dict[str, Any]:
        """Return the outputs as `terraform output -json` prints them, sensitive ones included."""
        done = subprocess.run([*self._line, "output", "-json"], stdout=subprocess.PIPE, check=False)
        if done.returncode:
            raise TerraformFailed
        outputs: dict[str, Any] = json.loads(done.stdout)
        return outputs

    def apply_plan(self, plan: Path) -> None:
        """Apply exactly what was planned, without asking."""
        self._run("apply", "-input=false", str(plan))

    def _run(self, *arguments: str) -> None:
        # Ctrl-C also reaches Terraform, which then finishes its current operations and saves the state. Without a
        # handler, Python would kill it at once; a handler, unlike SIG_IGN, is not inherited.
        before = signal.signal(signal.SIGINT, lambda *_: None)
        try:
            code = subprocess.call([*self._line, *arguments])
        finally:
            signal.signal(signal.SIGINT, before)
        if code:
            raise TerraformFailed


def deployed_agents_in(state: Mapping[str, Any]) -> list[str]:
    """Return the names of the agents in a state, as `terraform show -json` prints it."""
    modules = [state.get("values", {}).get("root_module", {})]
    for module in modules:  # grows while it is read: modules contain modules
        modules += module.get("child_modules", [])
    return [
        name
        for module in modules
        for resource in module.get("resources", [])
        if (resource["type"], resource["name"]) == ("terraform_data", "packaged_agents")
        for name in resource["values"]["input"]
    ]


def terraform_on_path() -> str:
    """Return the path of a Terraform, or else an OpenTofu, that is new enough for the module.

    Raises:
        TerraformUnusable: There is none.
    """
    found = [path for path in map(shutil.which, _PROGRAMS) if path]
    refusals = {path: _refusal(path) for path in found}
    usable = next((path for path in found if not refusals[path]), None)
    if usable is None:
        reason = refusals[found[0]] if found else "Terraform or OpenTofu 1.9 or later is needed on the PATH"
        raise TerraformUnusable(f"{reason}: {_INSTALL}")
    return usable


def _refusal(path: str) -> str | None:
    """Return why a program cannot be used; OpenTofu gives its version under the same name as Terraform."""
    told = subprocess.run([path, "version", "-json"], capture_output=True, text=True, check=False).stdout
    try:
        version = str(json.loads(told)["terraform_version"])
        numbers = tuple(int(number) for number in version.split(".")[:2])
    except (ValueError, KeyError):
        return f"{path} does not tell its version, so it is no Terraform"
    return f"Terraform or OpenTofu 1.9 or later is needed; {path} is {version}" if numbers < _OLDEST else None


def _files_of(directory: Path, environment: str) -> tuple[list[str], list[str]]:
    """Return the arguments that name an environment's backend settings and variables."""
    backends = sorted(directory.glob(f"{environment}.*.tfbackend"))
    if len(backends) != 1 or not (directory / f"{environment}.tfvars").is_file():
        raise TerraformUnusable(
            f"{directory} must contain {environment}.tfvars and one {environment}.*.tfbackend (the key of its state) "
            f"for ENVIRONMENT={environment}."
        )
    return [f"-backend-config={backends[0].name}"], [f"-var-file={environment}.tfvars"]
