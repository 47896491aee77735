"""Identifies the owner of the credentials before anything is built.

Terraform would also notice bad credentials, but only after the packaging, and with an error about the provider.
"""

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError, ProfileNotFound

_APPSYNC = "appsync.amazonaws.com"
# IAM's own code first, then the emulator's.
_EXISTS = ("InvalidInput", "EntityAlreadyExists")
_PATIENCE = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 2})


class NotSignedIn(Exception):
    """AWS refuses the credentials, or there is no region; the message says what to do."""


@dataclass(frozen=True)
class Caller:
    """The caller of AWS.

    Attributes:
        account_id: The account that the credentials belong to.
        arn: The user or the role.
        region: The region from the environment or the profile, if any.
    """

    account_id: str
    arn: str
    region: str | None


def identify_caller(environment: Mapping[str, str] = os.environ) -> Caller:
    """Ask AWS for the caller's identity, with the same credentials that Terraform's provider will find.

    Raises:
        NotSignedIn: There are no credentials, AWS refuses them, or the shell is set up for the local machine.
    """
    endpoint_url = environment.get("AWS_ENDPOINT_URL", "")
    if _is_this_machine(endpoint_url):
        raise NotSignedIn(
            f"AWS_ENDPOINT_URL is {endpoint_url}, which is this machine and not AWS. This shell is set up for the "
            "local machine: use a new one."
        )
    try:
        session = boto3.Session()
        # Terraform's provider knows AWS_REGION, boto3 does not.
        region = environment.get("AWS_REGION") or session.region_name
        answer = session.client("sts", region_name=region or "us-east-1", config=_PATIENCE).get_caller_identity()
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise NotSignedIn(
            "there are no AWS credentials. Sign in, for example with `aws sso login`, and name the profile in "
            "AWS_PROFILE; or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        ) from error
    except ProfileNotFound as error:
        raise NotSignedIn(f"{error}. AWS_PROFILE must name a profile of the AWS configuration.") from error
    except ClientError as error:
        code = error.response["Error"]["Code"]
        raise NotSignedIn(f"AWS refused the credentials ({code}). Sign in again, or replace them.") from error
    except BotoCoreError as error:
        raise NotSignedIn(f"AWS could not be asked whose credentials these are. {error}") from error
    return Caller(answer["Account"], answer["Arn"], region)


def ensure_appsync_role(region: str | None) -> str | None:
    """Create the role that AppSync sends traces with, AWSServiceRoleForAppSync, unless the account has it.

    Otherwise AppSync creates it during the call that creates the API, and that call may fail.

    Args:
        region: Any region of the account's partition.

    Returns:
        None if the role exists now; else the reason why that is uncertain. Terraform may still succeed.

    Source: https://github.com/aws/aws-cdk/issues/16598
    """
    try:
        iam = boto3.client("iam", region_name=region or "us-east-1", config=_PATIENCE)
        iam.create_service_linked_role(AWSServiceName=_APPSYNC)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        return None if code in _EXISTS else code
    except BotoCoreError as error:
        return str(error)
    return None


def _is_this_machine(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
