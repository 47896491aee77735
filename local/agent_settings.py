"""The settings of the user's agents on this machine: what `agent.tfvars` says, with secrets that exist here.

The emulated AWS has none of the account's secrets. So each secret is created in it, and the ARNs in the file are
replaced by those of the emulated secrets. The value comes from the environment variable with the secret's name.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import hcl2

from packager.agents_folder import SETTINGS

_PLAIN = hcl2.SerializationOptions(
    with_comments=False, explicit_blocks=False, preserve_heredocs=False, strip_string_quotes=True
)


class InvalidAgentSettings(Exception):
    """The file cannot be read; the message says where."""


def local_agent_settings(agents: Path | None, secrets: Any, environment: Mapping[str, str] = os.environ) -> str:
    """Return `agent.tfvars` for this machine, empty without the file; create or update the secrets that it names.

    Args:
        agents: The folder of the user's agents.
        secrets: A client of the emulated Secrets Manager.
        environment: The values of the secrets, by their names; a secret without one has its name as its value.

    Raises:
        InvalidAgentSettings: The file is not in the form of a `.tfvars` file.
    """
    file = agents / SETTINGS if agents else None
    if file is None or not file.is_file():
        return ""
    text = file.read_text()
    try:
        named = hcl2.loads(text, serialization_options=_PLAIN).get("agent", {}).get("secrets") or {}
    except Exception as error:  # the parser's errors have no class in common
        raise InvalidAgentSettings(f"{file} is not a valid .tfvars file: {error}") from error
    for name, arn in named.items():
        text = text.replace(f'"{arn}"', f'"{_create(secrets, name, environment.get(name, name))}"')
    return text


def _create(secrets: Any, name: str, value: str) -> str:
    try:
        arn: str = secrets.create_secret(Name=name, SecretString=value)["ARN"]
    except secrets.exceptions.ResourceExistsException:
        arn = secrets.put_secret_value(SecretId=name, SecretString=value)["ARN"]
    return arn
