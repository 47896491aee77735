"""Makes MiniStack check keys and signatures as strictly as AWS.

MiniStack accepts the key `test` and every account number as the root user without checking the signature, and derives a
function's keys from public names. Here the root user has one key, generated at each start, functions have random keys,
and every signature is checked. Like `ministack`, this depends on private names.
"""

import hashlib
import hmac
import os
import secrets
from typing import Any

import ministack.app
from ministack.core import iam_evaluator, lambda_runtime, sigv4
from ministack.core.iam_actions import unsigned_operations
from ministack.core.iam_evaluator import AuthError
from ministack.core.responses import _account_from_sts_session, get_account_id
from ministack.core.router import detect_service
from ministack.services import appsync, lambda_svc, s3, sts

from local.asgi import Request

PUBLIC_COGNITO_OPERATIONS: frozenset[str] = unsigned_operations("cognito-idp")
"""What AWS's own model of Cognito user pools marks as unsigned."""

_salt = secrets.token_bytes(32)


def install_keys() -> None:
    """Gives functions keys that cannot be guessed."""
    lambda_runtime.execution_credentials = _execution_credentials
    lambda_svc.execution_credentials = _execution_credentials


def check_signature(request: Request, body: bytes) -> tuple[int, dict[str, str], bytes] | None:
    """Returns None for a valid signature by a key of this machine, else the answer that refuses it.

    Args:
        request: The request, signed in its Authorization header or, for S3, in its query or in a form.
        body: Its body as it arrived.
    """
    failure = _failure(request, body)
    if failure is None:
        return None
    if ministack.app._APPSYNC_GRAPHQL_RE.match(request.path):
        mismatch = failure.code == "SignatureDoesNotMatch"
        status, error_type = (400, "BadRequestException") if mismatch else (403, failure.code)
        refused: tuple[int, dict[str, str], bytes] = appsync._graphql_error(status, error_type, failure.message)
        return refused
    query, headers = dict(request.query), dict(request.headers)
    service = detect_service(request.method, request.path, headers, query)
    status, answered, text = ministack.app._credential_failure(service, "", secrets.token_hex(16), failure, headers)
    return status, answered, text


def _failure(request: Request, body: bytes) -> Any:
    """Returns why the signature is refused, or None."""
    if not (request.signed_in_header or request.signed_in_query):
        return _form_failure(request, body)
    presigned = not request.signed_in_header
    if presigned:
        signature = sigv4.parse_query_signature(request.query)
    elif request.headers["authorization"].startswith("AWS4-HMAC-SHA256 "):
        signature = sigv4.parse_header_signature(request.headers)
    else:
        return AuthError("UnsupportedSignature", "The request signature does not conform to AWS standards.")
    if isinstance(signature, tuple):
        return AuthError(*signature)
    late = _expiry_failure(request, signature) if presigned else sigv4.request_time_failure(signature)
    if late:
        return AuthError(*late)
    if presigned:
        token = "".join(request.query.get("X-Amz-Security-Token", []))
    else:
        token = request.headers.get("x-amz-security-token", "")
    secret = _secret(signature.access_key_id, token)
    if secret is None:
        return AuthError("UnrecognizedClientException", "The security token included in the request is invalid.")
    mismatch = sigv4.header_signature_failure(
        signature, secret, request.method, request.raw_path, request.query, request.headers, body, presigned=presigned
    )
    return AuthError(*mismatch) if mismatch else None


def _form_failure(request: Request, body: bytes) -> Any:
    """Returns why the signature of a form that uploads an object is refused, or None; MiniStack checks its policy."""
    parts = s3._parse_multipart_form(request.headers["content-type"], body)
    fields = {name.lower(): value.decode("latin-1") for name, _, _, value in parts if name != "file"}
    key, _, scope = fields.get("x-amz-credential", "").partition("/")
    secret = _secret(key, fields.get("x-amz-security-token", ""))
    if secret is None or scope.count("/") != 3:
        return AuthError("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
    date, region, service, _ = scope.split("/")
    signature = sigv4.calculate_signature(secret, date, region, service, fields.get("policy", ""))
    if not sigv4.signatures_match(signature, fields.get("x-amz-signature", "")):
        return AuthError("SignatureDoesNotMatch", "The request signature we calculated does not match.")
    return None


def _expiry_failure(request: Request, signature: Any) -> tuple[str, str] | None:
    try:
        expired = sigv4.presigned_request_is_expired(signature.amz_date, request.query["X-Amz-Expires"][0])
    except (KeyError, ValueError, OverflowError):
        expired = True
    return ("RequestExpired", "Request has expired") if expired else None


def _secret(access_key_id: str, token: str) -> str | None:
    """The secret of the root key or of a key that the emulator has issued; None for any other."""
    if access_key_id == os.environ["AWS_ACCESS_KEY_ID"]:
        return os.environ["AWS_SECRET_ACCESS_KEY"]
    if iam_evaluator.is_root_access_key(access_key_id):
        return None
    account_id = _account_from_sts_session(access_key_id) or get_account_id()
    found = iam_evaluator.resolve_credential(access_key_id, account_id, token)
    secret: str | None = getattr(found, "secret_access_key", None)
    return secret


def _execution_credentials(config: dict[str, Any]) -> dict[str, str]:
    """Returns the keys of a function's role, the same for the function's workers of one start."""
    function_arn, role_arn, name = config["FunctionArn"], config["Role"], config["FunctionName"]
    digest = hmac.new(_salt, f"{function_arn}:{role_arn}".encode(), hashlib.sha256)
    access_key_id = f"ASIA{digest.hexdigest()[:16].upper()}"
    secret, token = (hmac.new(_salt, f"{kind}:{access_key_id}".encode(), hashlib.sha256).hexdigest() for kind in "st")
    role = role_arn.rsplit("/", 1)[-1]
    account_id = function_arn.split(":")[4]
    session = {
        "Arn": f"arn:aws:sts::{account_id}:assumed-role/{role}/{name[:64]}",
        "UserId": f"{role}:{name[:64]}",
        "SecretAccessKey": secret,
        "SessionToken": token,
    }
    sts.register_session(access_key_id, session)
    return {"AWS_ACCESS_KEY_ID": access_key_id, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": token}
