"""The commands `plan`, `deploy` and `destroy`: check the credentials, package, and run Terraform."""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from deploy.account import Caller, NotSignedIn, ensure_appsync_role, identify_caller
from deploy.losses import Losses, find_losses
from deploy.terraform import Terraform, TerraformFailed, TerraformUnusable
from packager.agents_folder import SETTINGS, agents_folder
from packager.build import EXPORT_NAME, build
from packager.errors import PackagingError
from packager.platforms import ARCHITECTURES, DEFAULT_ARCHITECTURE, DEFAULT_RUNTIME, RUNTIMES, lambda_platform

_PROJECT = Path(__file__).resolve().parent.parent
_MODULE = _PROJECT / "terraform"


def main() -> int:
    """Run one command and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m deploy", description="Plan, deploy or destroy Runcast on AWS.")
    parser.add_argument("command", choices=["plan", "deploy", "destroy"])
    parser.add_argument("directory", type=Path, help="the Terraform root: the module itself, or one that calls it")
    parser.add_argument("environment", nargs="?", help="the environment whose files in the root are used")
    parser.add_argument(
        "--architecture", choices=ARCHITECTURES, default=DEFAULT_ARCHITECTURE, help="the processors to package for"
    )
    parser.add_argument(
        "--runtime", choices=RUNTIMES, default=DEFAULT_RUNTIME, help="the Lambda runtime to package for"
    )
    given = parser.parse_args()
    platform = lambda_platform(given.runtime, given.architecture)
    # Environment variables have the lowest precedence, so the root's own values win.
    os.environ.setdefault("TF_VAR_lambda_architecture", platform.architecture)
    os.environ.setdefault("TF_VAR_lambda_runtime", platform.runtime)
    try:
        caller = _identify(given.directory)
        agents = agents_folder()
        terraform = Terraform(given.directory, given.environment, agents / SETTINGS if agents else None)
        print(f"AWS account {caller.account_id}, region {caller.region or 'of the root'}, as {caller.arn}", flush=True)
        print(f"Packaging the functions ({platform}) ...", flush=True)
        build(_PROJECT, work=_PROJECT / "build" / "package", target=_MODULE, platform=platform, agents=agents)
        terraform.init()
        match given.command:
            case "plan":
                terraform.plan()
            case "deploy":
                if not _is_agreed(terraform):
                    return 1
                _prepare_account(caller)
                terraform.apply()
            case "destroy":
                return _destroy(terraform)
    except (NotSignedIn, TerraformUnusable, PackagingError) as error:
        print(f"Cannot {given.command}: {error}", file=sys.stderr)
        return 1
    except TerraformFailed:
        return 1
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    return 0


def _identify(directory: Path) -> Caller:
    """Return the caller's identity. A user's own root may set the region itself; the module cannot.

    Raises:
        NotSignedIn: There are no credentials or they are refused, or the module is applied without a region.
    """
    caller = identify_caller()
    if caller.region is None and directory.resolve() == _MODULE:
        raise NotSignedIn("there is no AWS region. Set AWS_REGION, or the region of the profile.")
    return caller


def _is_agreed(terraform: Terraform) -> bool:
    """List the deployed agents that the package lacks, and ask; True if there are none."""
    packaged = json.loads((_MODULE / EXPORT_NAME).read_text())["locals"]["packaged_agents"]
    gone = sorted({*terraform.deployed_agents()} - {*packaged})
    if not gone:
        return True
    print(f"\nThese deployed agents are not in the package and would disappear: {', '.join(gone)}.")
    print(f"The package has: {', '.join(packaged) or 'no agents'}.")
    print("Type yes to go on without them: ", end="", flush=True)
    answer = _line_of_input()
    if answer.strip() == "yes":
        return True
    if not answer:
        print("nobody answered.")
    print("Nothing was deployed.")
    return False


def _line_of_input() -> str:
    """Read one line byte by byte, because what follows it is Terraform's to read."""
    line = b""
    while not line.endswith(b"\n") and (byte := os.read(sys.stdin.fileno(), 1)):
        line += byte
    return line.decode(errors="replace")


def _prepare_account(caller: Caller) -> None:
    reason = ensure_appsync_role(caller.region)
    if reason:
        print(
            f"Note: the role AWSServiceRoleForAppSync could not be created ({reason}). "
            "If Terraform then fails to create the GraphQL API, deploy again.",
            file=sys.stderr,
        )


def _destroy(terraform: Terraform) -> int:
    """Show what would be lost, ask for the deployment's name, and destroy exactly that; return the exit code."""
    with tempfile.TemporaryDirectory() as private:  # A plan contains the state, including its secrets.
        plan = Path(private, "plan")
        losses = find_losses(terraform.plan_destroy(plan))
        if losses.resource_count == 0:
            print("There is nothing to destroy.")
            return 0
        if losses.protected:
            print(
                f"Cannot destroy: deletion protection is on for {', '.join(losses.protected)}. "
                "Set deletion_protection = false, `make deploy`, then destroy.",
                file=sys.stderr,
            )
            return 1
        if not _is_confirmed(losses):
            return 1
        terraform.apply_plan(plan)
    return 0


def _is_confirmed(losses: Losses) -> bool:
    print(f"\nThis destroys {losses.resource_count} resources of {losses.place} and permanently deletes their data:")
    print("\n".join(f"  {line}" for line in losses.lines))
    print(f"Type {losses.name} to destroy this deployment: ", end="", flush=True)
    answer = sys.stdin.readline()
    if answer.strip() == losses.name:
        return True
    if not answer:
        print(f"there was no answer; without a terminal: echo {losses.name} | make destroy")
    print("Nothing was destroyed.")
    return False


if __name__ == "__main__":
    sys.exit(main())
