"""One synchronous call of an agent's Lambda function, and what its answer says about the run.

The answer is only a hint: `agent_invoker` decides from the run's record. The hint tells it whether the worker has
finished, why, and whether the run's end may be stored a moment later.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError

from chalicelib.orchestrator.failures import lambda_error
from runcast import limits
from runcast.errors import Unavailable
from runcast.json_text import json_text
from runcast.record.model import Json
from runcast.text import shortened

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

logger = logging.getLogger(__name__)

# Source: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_Errors
_TRANSIENT_CODES = {
    "CodeArtifactUserPendingException",
    "EC2ThrottledException",
    "ENILimitReachedException",
    "ResourceConflictException",
    "ResourceNotReadyException",
    "ServiceException",
    "SnapStartNotReadyException",
    "ThrottlingException",
    "TooManyRequestsException",
}


@dataclass(frozen=True)
class Answer:
    """The result of invoking an agent's function.

    Attributes:
        invocation: The id of the invocation, if it has finished and may have claimed the run.
        detail: Its error, for people.
        end_pending: Whether the function answered while the run's end may not be stored yet.
        refused: The reason why the function did not accept the run.
    """

    invocation: str | None = None
    detail: str | None = None
    end_pending: bool = False
    refused: str | None = None


def call_function(client: LambdaClient, function: str, event: Json, *, agent_name: str) -> Answer:
    """Invoke an agent's function and wait for its answer.

    Args:
        client: A client that does not retry; its read timeout is the longest wait.
        function: The function's name.
        event: The agent event.
        agent_name: The agent's name in the playbook, for messages.

    Returns:
        The answer; empty if the function did not answer in time or another worker has the run.

    Raises:
        Unavailable: The function cannot be invoked now. Try again.
    """
    try:
        answered = client.invoke(FunctionName=function, Payload=json_text(event).encode())
        payload = answered["Payload"].read()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in _TRANSIENT_CODES:
            raise Unavailable(f"{agent_name}: its function is not available now ({code}). Try again.") from error
        logger.warning("the function of %s was not invoked: %s", event["agent"], error)
        return Answer(refused=f"The agent's function could not be invoked ({code}).")
    except ReadTimeoutError:
        return Answer()
    except BotoCoreError as error:
        logger.warning("run %s: its function did not answer: %s", event["requestId"], error)
        return Answer()
    return _understood(payload, answered["ResponseMetadata"]["RequestId"], failed="FunctionError" in answered)


def _understood(payload: bytes, invocation: str, *, failed: bool) -> Answer:
    """Interpret an answer. A finished invocation has either ended its run or abandoned it."""
    try:
        told: Any = json.loads(payload)
    except (ValueError, RecursionError):
        told = None
    told = told if isinstance(told, dict) else {}
    if failed:
        return Answer(invocation, lambda_error(told) or None)
    match told.get("statusCode"):
        case 400:
            return Answer(refused=_error_of(told))
        case 409:
            return Answer()  # another worker has the run
    detail = "Its function answered, but the run's end is not recorded."
    return Answer(invocation, detail, end_pending=_end_is_pending(told))


def _end_is_pending(told: Mapping[str, Any]) -> bool:
    try:
        return json.loads(told["body"]).get("endPending") is True
    except (AttributeError, KeyError, TypeError, ValueError):
        return False


def _error_of(told: Mapping[str, Any]) -> str:
    try:
        return shortened(json.loads(told["body"])["error"], limits.ERROR_MAX_CHARACTERS)
    except (KeyError, TypeError, ValueError, RecursionError):
        return "The agent's function refused the run."
