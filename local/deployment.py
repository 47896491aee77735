"""Deploys the sources to the emulated AWS: packages the functions, applies the Terraform and creates the users.

The first deployment creates everything. Later ones change only what has changed in the sources, and keep the records.
"""

import fcntl
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from local.agent_settings import InvalidAgentSettings, local_agent_settings
from local.console import CONFIG_FILE, POLICY_FILE
from local.endpoint import Endpoint
from local.functions import package_functions, python_used
from local.settings import ROOT, no_proxy
from local.stack_state import StackFailed, StackState, write_outputs, write_private, write_shell_environment
from local.terraform import Terraform, TerraformFailed, TerraformMissing, fingerprint, prepare
from local.users import User, create_users
from packager.errors import PackagingError
from packager.platforms import Platform

ENV_FILE = "env"
OUTPUTS_FILE = "outputs.json"
TLS_CONFIG_FILE = "config.tls.json"
# One user of this machine stands for many: tests and benchmarks start hundreds of runs a minute.
_LIMITS = {
    "user_starts_per_minute": 100_000,
    "tenant_starts_per_minute": 100_000,
    "user_open_runs": 1_000,
    "tenant_open_runs": 1_000,
}


def deploy(state: StackState, *, agents: Path | None, say: Callable[[str], None]) -> StackState:
    """Deploy the sources, unless they are deployed already; save and return the new state.

    Args:
        state: A local machine whose emulated AWS serves.
        agents: The folder of the user's agents, which replace the demo's.
        say: Called with a line about each step.

    Raises:
        StackFailed: A step failed. The deployment may be incomplete until a retry succeeds.
    """
    # Two shells may deploy at the same time, and each would delete the other's copy.
    with (state.directory / "deploying").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Not in terraform/, because its wheels may be this machine's instead of Lambda's, and another local machine may
        # package other agents at the same time.
        package = state.directory / "package"
        package.mkdir(exist_ok=True)
        say("Packaging the functions ...")
        try:
            platform = package_functions(package, agents=agents, say=say)
        except PackagingError as error:
            raise StackFailed(f"The functions could not be packaged: {error}") from error
        say(python_used(platform))
        try:
            settings = local_agent_settings(agents, state.endpoint.client("secretsmanager"))
        except InvalidAgentSettings as error:
            raise StackFailed(str(error)) from error
        sources = fingerprint(ROOT, package, settings)
        if sources == state.fingerprint:
            return state
        say("Applying the Terraform ...")
        # If it fails or is interrupted, the deployment must not count as current.
        replace(state, fingerprint="").save()
        outputs = apply(
            state.directory / "terraform",
            state.endpoint.environment,
            package,
            platform,
            {"limits": _LIMITS},
            agent_settings=settings,
        )
        users = state.users
        if outputs["user_pool_id"] != state.outputs.get("user_pool_id"):
            users = tuple(create_users(state.endpoint.client("cognito-idp"), outputs["user_pool_id"]))
        state = replace(state, outputs=outputs, users=users, fingerprint=sources)
        write_outputs(state.directory / OUTPUTS_FILE, outputs)
        config = json.dumps(_frontend_config(state), indent=2)
        write_private(state.directory / CONFIG_FILE, config)
        write_private(state.directory / TLS_CONFIG_FILE, _over_tls(config, state.endpoint))
        write_private(state.directory / POLICY_FILE, _content_security_policy(state))
        write_shell_environment(state.directory / ENV_FILE, _variables(state, users[0]))
        state.save()
        return state


def client_environment(state: StackState, user: User) -> Mapping[str, str]:
    """Return the variables of a program that uses the local system as `user`, or records runs for this user."""
    return {**_variables(state, user), **no_proxy()}


def _frontend_config(state: StackState) -> dict[str, Any]:
    """Return the module's `frontend_config` with the emulated Cognito, whose address the module does not know."""
    config: dict[str, Any] = state.outputs["frontend_config"]
    cognito = config["Auth"]["Cognito"] | {"userPoolEndpoint": f"{state.endpoint.url}/"}
    return config | {"Auth": {"Cognito": cognito}}


def _content_security_policy(state: StackState) -> str:
    """Return the module's policy with the emulated AWS in place of the services whose addresses it does not know."""
    return re.sub(r"https://[^\s;]+", state.endpoint.url, state.outputs["content_security_policy"])


def _over_tls(text: str, endpoint: Endpoint) -> str:
    """Return a text with the addresses of the emulated AWS over TLS."""
    plain, tls = endpoint.url.removeprefix("http"), endpoint.tls_url.removeprefix("https")
    return text.replace(f"http{plain}", f"https{tls}").replace(f"ws{plain}", f"wss{tls}")


def _variables(state: StackState, user: User) -> dict[str, str]:
    return {
        "RUNCAST_GRAPHQL_URL": state.outputs["graphql_url"],
        "RUNCAST_REST_URL": state.outputs["rest_url"],
        "RUNCAST_USER_POOL_CLIENT_ID": state.outputs["user_pool_client_id"],
        "RUNCAST_REGION": state.outputs["region"],
        "RUNCAST_USERNAME": user.name,
        "RUNCAST_PASSWORD": user.password,
        "USER_ID": user.user_id,
        "TENANT_ID": user.tenant,
        **state.outputs["recorder_environment"],
        **state.endpoint.environment,
    }


def apply(
    work_dir: Path,
    environment: Mapping[str, str],
    package: Path,
    platform: Platform,
    variables: Mapping[str, Any] | None = None,
    *,
    agent_settings: str = "",
) -> dict[str, Any]:
    """Apply the module with the local package, and return its outputs.

    Args:
        work_dir: Where Terraform works and keeps its state.
        environment: The emulated AWS, see `Terraform`.
        package: The directory with the local package.
        platform: The package's platform.
        variables: Values of the module's other variables.
        agent_settings: The content of a `.tfvars` file with the variable `agent`.

    Raises:
        StackFailed: Terraform is missing or has failed.
    """
    work_dir.mkdir(exist_ok=True)
    own = {"lambda_runtime": platform.runtime, "lambda_architecture": platform.architecture}
    try:
        prepare(ROOT, work_dir, {**own, **(variables or {})}, package=package)
        (work_dir / "terraform" / "agent.auto.tfvars").write_text(agent_settings)
        terraform = Terraform(work_dir, environment)
        terraform.init()
        terraform.apply()
        return terraform.output()
    except (TerraformFailed, TerraformMissing) as error:
        raise StackFailed(str(error)) from error
