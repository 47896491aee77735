"""Adds to MiniStack's API Gateway what it lacks: imports, and some refusals of the real one.

MiniStack builds REST APIs operation by operation and serves them well: it verifies Cognito's tokens, and answers in the
form of the API's gateway responses. But it ignores a Swagger document, accepts access tokens instead of ID tokens and
bodies of any size, shows a function's exception to callers, answers differently if a caller with a token uses a path
that does not exist, and lets an API invoke a function without permission, a mistake that would only show after a
deployment. Like `ministack`, this depends on private names.
"""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ministack.core.arn import execute_api_arn
from ministack.core.iam_evaluator import EvalContext, evaluate_resource_policy
from ministack.core.sigv4 import foreign_authorization_failure
from ministack.services import apigateway_v1, lambda_svc

from local.emulator.swagger import Definition, ImportRefused

_Reply = tuple[int, dict[str, str], bytes]
_Operation = Callable[..., Awaitable[_Reply]]

_PAYLOAD_BYTES = 10 * 1024 * 1024
"""Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html"""

_SERVICE = "apigateway.amazonaws.com"


class _FunctionFailed(Exception):
    """The function behind a method raised or ran out of time."""


def install_rest_apis() -> None:
    """Replaces the private parts of MiniStack's API Gateway."""
    _import_documents()
    _refuse_access_tokens()
    _take_tokens_for_signatures_where_no_method_is()
    _bound_payloads()
    _hide_exceptions()
    _require_permission()


def _import_documents() -> None:
    operation: _Operation = apigateway_v1.handle_request

    async def call(method: str, path: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        # An API has 300 resources at most, and a list is cut at 25 unless more are asked for.
        status, _, answer = await operation(method, path, {}, json.dumps(body or {}).encode(), {"limit": "500"})
        told: dict[str, Any] = json.loads(answer or b"{}")
        if status >= 400:
            raise ImportRefused(f"{method} {path}: {told.get('message')}")
        return told

    async def create(body: bytes) -> _Reply:
        definition = Definition(body)
        api_id = (await call("POST", "/restapis", {"name": definition.title}))["id"]
        await definition.overwrite(call, api_id)
        _, headers, answer = await operation("GET", f"/restapis/{api_id}", {}, b"", {})
        return 201, headers, answer

    async def overwrite(api_id: str, body: bytes, mode: Any) -> _Reply:
        if mode != ["overwrite"]:
            raise ImportRefused("only mode=overwrite is carried")
        if api_id in apigateway_v1._rest_apis:
            await Definition(body).overwrite(call, api_id)
        return await operation("GET", f"/restapis/{api_id}", {}, b"", {})

    async def handle_request(
        method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, Any]
    ) -> _Reply:
        mode = query.get("mode")
        try:
            if (method, path, mode) == ("POST", "/restapis", ["import"]):
                return await create(body)
            if method == "PUT" and (api := re.fullmatch(r"/restapis/([^/]+)", path)):
                return await overwrite(api[1], body, mode)
        except ImportRefused as refused:
            message = f"Errors found during import: {refused}"
            reply: _Reply = apigateway_v1._v1_error("BadRequestException", message, 400)
            return reply
        return await operation(method, path, headers, body, query)

    apigateway_v1.handle_request = handle_request


def _refuse_access_tokens() -> None:
    """Without scopes on the method a Cognito authorizer takes ID tokens only.

    Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-enable-cognito-user-pool.html
    """
    validate = apigateway_v1._validate_cognito_authorizer

    async def validate_id_token(authorizer: Any, method: Mapping[str, Any], *request: Any) -> tuple[Any, Any]:
        claims, error = await validate(authorizer, method, *request)
        if claims and not method.get("authorizationScopes") and claims.get("token_use") != "id":
            return None, apigateway_v1._gw_error("UNAUTHORIZED", "Unauthorized")
        return claims, error

    apigateway_v1._validate_cognito_authorizer = validate_id_token


def _take_tokens_for_signatures_where_no_method_is() -> None:
    """Without a method to say otherwise, API Gateway reads any Authorization header as a signature, and refuses it.

    Source: https://github.com/aws/chalice/issues/582
    """
    execute = apigateway_v1._execute_in_scope

    async def execute_or_refuse(request: dict[str, Any], *rest: Any) -> Any:
        answer = await execute(request, *rest)
        headers = request["headers"]
        is_foreign = "authorization" in headers and not headers["authorization"].startswith("AWS4-")
        if not is_foreign or getattr(answer, "response_type", "") != "MISSING_AUTHENTICATION_TOKEN":
            return answer
        code, message = foreign_authorization_failure(headers)
        response_type, error_type = apigateway_v1._AUTHENTICATION_GATEWAY_ERRORS[code]
        return apigateway_v1._GatewayError(response_type, message, error_type)

    apigateway_v1._execute_in_scope = execute_or_refuse


def _bound_payloads() -> None:
    execute = apigateway_v1._execute_in_scope

    async def execute_bounded(
        request: dict[str, Any], api: str, stage_name: str, verb: str, path: str, headers: Any, body: bytes, *rest: Any
    ) -> Any:
        stage = apigateway_v1._stages_v1.get(api, {}).get(stage_name)
        if stage and len(body or b"") > _PAYLOAD_BYTES:
            request["stage"] = stage  # whose gateway responses the answer takes
            return apigateway_v1._GatewayError("REQUEST_TOO_LARGE", "Request Too Long", "RequestTooLargeException")
        return await execute(request, api, stage_name, verb, path, headers, body, *rest)

    apigateway_v1._execute_in_scope = execute_bounded


def _hide_exceptions() -> None:
    """A function that raised or ran out of time is a 502 in the form of the API's DEFAULT_5XX response."""
    invoke = apigateway_v1._call_lambda_raw
    execute = apigateway_v1._execute_in_scope
    respond = apigateway_v1._gateway_error_response

    async def invoke_or_fail(*function: Any, **scope: Any) -> Any:
        result, error = await invoke(*function, **scope)
        if result and result.get("error"):
            raise _FunctionFailed
        return result, error

    async def execute_quietly(*request: Any) -> Any:
        try:
            return await execute(*request)
        except _FunctionFailed:
            return apigateway_v1._GatewayError("DEFAULT_5XX", "Internal server error")

    def respond_with_502(error: Any, request: Mapping[str, Any]) -> _Reply:
        status, headers, body = respond(error, request)
        # Nothing else that is imported here ends in this response, and its own default would be 500.
        return (502 if error.response_type == "DEFAULT_5XX" else status), headers, body

    apigateway_v1._call_lambda_raw = invoke_or_fail
    apigateway_v1._execute_in_scope = execute_quietly
    apigateway_v1._gateway_error_response = respond_with_502


def _require_permission() -> None:
    invoke = apigateway_v1._call_lambda_raw

    async def invoke_permitted(function: str, event: Mapping[str, Any], *, account_id: str, region: str) -> Any:
        record, _, _ = lambda_svc._get_func_record_for_ref_in_scope(function, account_id=account_id, region=region)
        if record is not None and not _may_invoke(record, event, account_id, region):
            return None, f"{_SERVICE} has no permission to invoke {function}"
        return await invoke(function, event, account_id=account_id, region=region)

    apigateway_v1._call_lambda_raw = invoke_permitted


def _may_invoke(function: Mapping[str, Any], event: Mapping[str, Any], account_id: str, region: str) -> bool:
    context = event["requestContext"]
    source = execute_api_arn(
        region, account_id, context["apiId"], context["stage"], context["httpMethod"], context["resourcePath"]
    )
    asked = EvalContext(
        principal_arn=_SERVICE,
        principal_type="Service",
        principal_account=account_id,
        action="lambda:InvokeFunction",
        resource_arn=function["config"]["FunctionArn"],
        region=region,
        service_context={"aws:sourcearn": source, "aws:sourceaccount": account_id},
    )
    allowed: bool = evaluate_resource_policy(function["policy"], asked, service=_SERVICE).decision == "Allow"
    return allowed
