"""All code that patches MiniStack's modules instead of using its HTTP interface.

MiniStack runs AppSync resolvers, Lambda workers and the Bedrock runtime well, but some decisions are not configurable:
the interpreter of a function, the effect of a resolver's `extensions`, the behaviour when a model fails. The patches
are here and, for Lambda, keys, models, resolvers, API Gateway and Step Functions, in `ministack_functions`,
`ministack_loops`, `ministack_keys`, `ministack_models`, `ministack_resolvers`, `ministack_rest`, `ministack_roles`,
`ministack_states`, `ministack_tenants` and `ministack_updates`. An upgrade has to check these eleven files. The version
is checked at start, because all patched names are private to MiniStack.

MiniStack reads its settings when it is imported: import this module after the environment is set.
"""

import json
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from importlib.metadata import version
from typing import Any
from urllib.parse import unquote

import ministack.app
from ministack.core import appsync_js, iam_actions, iam_evaluator
from ministack.core.responses import get_account_id
from ministack.services import appsync

from local.appsync.authorisation import Caller, Mode
from local.appsync.execution import EXCHANGE, Answer, Api, FieldCall, execute
from local.asgi import AsgiApp
from local.emulator.ministack_functions import UnsupportedMinistack, end_functions, install_functions
from local.emulator.ministack_keys import install_keys
from local.emulator.ministack_loops import install_loop_detection
from local.emulator.ministack_models import ModelServer, install_models
from local.emulator.ministack_resolvers import ResolverPool
from local.emulator.ministack_rest import install_rest_apis
from local.emulator.ministack_roles import install_roles
from local.emulator.ministack_states import install_state_machines

SUPPORTED_VERSION = "1.5.33"

_AUTH_TYPES = {
    Mode.API_KEY: "API Key Authorization",
    Mode.AWS_IAM: "IAM Authorization",
    Mode.COGNITO: "User Pool Authorization",
    Mode.OIDC: "Open ID Connect Authorization",
}
_auth_type: ContextVar[str] = ContextVar("auth_type")
_extensions: ContextVar[list[dict[str, Any]]] = ContextVar("extensions")


def install(function_python: str, model_server: ModelServer) -> AsgiApp:
    """Replaces MiniStack's private parts and returns its ASGI application.

    Args:
        function_python: path of the interpreter that runs Python functions. They can import its installed packages in
            addition to their zip.
        model_server: answers for Bedrock's models.

    Raises:
        UnsupportedMinistack: another version is installed, or a text to be replaced is not there.
    """
    found = version("ministack")
    if found != SUPPORTED_VERSION:
        raise UnsupportedMinistack(f"MiniStack {SUPPORTED_VERSION} is required, {found} is installed")
    appsync._execute_graphql = _execute_graphql
    _refuse_unreadable_requests()
    _keep_changed_limits()
    appsync_js._pool = _ResolverPool(appsync_js._EVAL_TIMEOUT)
    install_functions(function_python)
    install_loop_detection()
    install_keys()
    _authorise_as_aws()
    install_models(model_server)
    install_rest_apis()
    install_state_machines()
    install_roles()
    app: AsgiApp = ministack.app.app
    return app


def end_workers() -> None:
    """Ends the Lambda workers and the resolvers' Node processes, and removes the functions' code."""
    end_functions()
    appsync_js.reset()


# AppSync


def _refuse_unreadable_requests() -> None:
    """Let a body with nesting or numbers that Python's parser refuses count as malformed. MiniStack answers 500."""
    decode = appsync._graphql_request

    def decode_or_refuse(body: bytes) -> Any:
        try:
            return decode(body)
        except (RecursionError, ValueError):
            return None

    appsync._graphql_request = decode_or_refuse


def _keep_changed_limits() -> None:
    """Let UpdateGraphqlApi change the limits of an API, as AWS does. MiniStack takes them only when it creates one."""
    update = appsync._update_graphql_api

    def update_with_limits(api_id: str, body: dict[str, Any]) -> Any:
        limits = ("introspectionConfig", "queryDepthLimit", "resolverCountLimit")
        appsync._apis.get(api_id, {}).update({name: body[name] for name in limits if name in body})
        return update(api_id, body)

    appsync._update_graphql_api = update_with_limits


def _execute_graphql(
    api_id: str,
    request: dict[str, Any],
    headers: Mapping[str, str] | None = None,
    authorize: Callable[[str, str], bool] | None = None,
) -> tuple[int, dict[str, str], bytes]:
    """Stands in for MiniStack's executor, which knows neither directives nor callers of additional modes."""
    exchange = EXCHANGE.get()
    caller = exchange.caller
    _auth_type.set(_AUTH_TYPES[caller.mode])
    recorded: list[dict[str, Any]] = []
    _extensions.set(recorded)
    identity = _iam_identity(headers or {}) if caller.mode is Mode.AWS_IAM else _identity_in_token(caller)

    def resolve(call: FieldCall) -> Any:
        return appsync._resolve_field(
            api_id,
            appsync._resolvers[api_id][call.type_name][call.field_name],
            call.arguments,
            [],
            call.variables,
            field_name=call.field_name,
            type_name=call.type_name,
            identity=identity,
            request_headers=dict(headers or {}),
            source=call.source,
            appended_errors=call.appended_errors,
        )

    api = Api(
        record=appsync._apis[api_id],
        sdl=(appsync._schemas.get(api_id) or {}).get("definition", ""),
        has_resolver=lambda type_name, field: field in (appsync._resolvers.get(api_id) or {}).get(type_name, {}),
        resolve=resolve,
        iam_allows=authorize,
    )
    answer = execute(api, request, exchange)
    if exchange.subscribed:
        filters = [call["filter"] for call in recorded if call["op"] == "setSubscriptionFilter"]
        exchange.subscribed.server_filter = filters[-1] if filters else None
    return _http(answer)


def _http(answer: Answer) -> tuple[int, dict[str, str], bytes]:
    headers = {"Content-Type": "application/json"}
    if answer.error_type:
        headers["x-amzn-errortype"] = answer.error_type
    return answer.status, headers, json.dumps(answer.body).encode()


def _identity_in_token(caller: Caller) -> dict[str, Any] | None:
    if caller.claims is None:
        return None
    claims = dict(caller.claims)
    if caller.mode is Mode.OIDC:
        return {"sub": claims["sub"], "issuer": claims["iss"], "claims": claims}
    return {
        "sub": claims["sub"],
        "issuer": claims["iss"],
        "username": claims.get("cognito:username") or claims.get("username"),
        "claims": claims,
        "sourceIp": ["127.0.0.1"],
        "defaultAuthStrategy": "ALLOW",
        "groups": claims.get("cognito:groups"),
    }


def _iam_identity(headers: Mapping[str, str]) -> dict[str, Any]:
    arn = iam_evaluator.request_caller_arn(dict(headers))
    return {
        "accountId": get_account_id(),
        "cognitoIdentityPoolId": None,
        "cognitoIdentityId": None,
        "sourceIp": ["127.0.0.1"],
        "username": arn.rsplit(":", 1)[1].split("/", 1)[-1],
        "userArn": arn,
        "cognitoIdentityAuthType": None,
        "cognitoIdentityAuthProvider": None,
    }


class _ResolverPool(ResolverPool):
    """Tells the worker how the caller signed in, and keeps what the resolver did through `extensions`."""

    def call(self, request: dict[str, Any], timeout: float | None = None) -> dict[str, Any]:
        reply: dict[str, Any] = super().call({**request, "authType": _auth_type.get("")}, timeout)
        _extensions.get([]).extend(reply.get("extensions") or [])
        return reply


# Bedrock

_MODEL_ACTIONS = {
    "bedrock:Converse": "bedrock:InvokeModel",
    "bedrock:ConverseStream": "bedrock:InvokeModelWithResponseStream",
}
_PROFILE_GEOGRAPHIES = {"us", "us-gov", "eu", "apac", "jp", "au", "ca", "global"}


# The condition keys of the current request, between the two questions that MiniStack asks about it.
_condition_keys: ContextVar[dict[str, list[str]] | None] = ContextVar("condition_keys", default=None)


def _authorise_as_aws() -> None:
    """Tell IAM what AWS's services tell it and MiniStack does not.

    Converse needs `bedrock:InvokeModel*`, and an inference profile needs itself and the model behind it. A condition
    may compare the sources of the events that are put, or the key of the item that is read, each a condition key with
    several values. An action on tags is authorized for the resource in the request. All connections count as
    encrypted, because none leaves this machine.

    Source: https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-prereq.html
    Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
    """
    extract, enforce = iam_actions.extract_iam_action, iam_evaluator.enforce
    extract_resource = iam_actions.extract_resource_arn

    def extract_resource_arn(
        service: str, method: str, path: str, headers: Any, body: bytes, query: Any, region: str, account_id: str
    ) -> str:
        arn: str = extract_resource(service, method, path, headers, body, query, region, account_id)
        if arn == "*" or ":event-bus/" in arn:
            return _named_resource(service, path, headers, body, f"{region}:{account_id}", arn)
        return arn

    def extract_iam_action(
        service: str, method: str, path: str, headers: Any, body: bytes, query_params: Any
    ) -> str | None:
        action: str | None = extract(service, method, path, headers, body, query_params)
        keys_of = _CONDITION_KEYS.get(action or "")
        _condition_keys.set(keys_of(json.loads(body)) if keys_of else None)
        return _MODEL_ACTIONS.get(action, action) if action else None

    def enforce_each(
        access_key: str, action: str, service: str, region: str, resource_arn: str = "*", **rest: Any
    ) -> Any:
        resources = [resource_arn]
        if service == "bedrock-runtime":
            resources = _model_resources(resource_arn, region)
            if len(resources) > 1:
                rest["service_context"] = {"bedrock:InferenceProfileArn": resources[0]}
        if action in _CONDITION_KEYS:
            rest["service_context"] = _condition_keys.get()
        denials = (enforce(access_key, action, service, region, resource_arn=arn, **rest) for arn in resources)
        return next((denial for denial in denials if denial), None)

    pin_request_origin = iam_evaluator.pin_request_origin

    def pin_as_encrypted(source_ip: str, _secure_transport: bool) -> None:
        pin_request_origin(source_ip, True)

    iam_actions.extract_iam_action = extract_iam_action
    iam_actions.extract_resource_arn = extract_resource_arn
    ministack.app.pin_request_origin = pin_as_encrypted
    iam_evaluator.enforce = enforce_each


def _named_resource(service: str, path: str, headers: Any, body: bytes, place: str, otherwise: str) -> str:
    """Return the resource in a request, for requests in which MiniStack does not find it."""
    tagged = unquote(path.partition("/tags/")[2])
    if tagged.startswith("arn:"):
        return tagged
    if headers.get("x-amz-target"):
        members = {name.lower(): value for name, value in json.loads(body or b"{}").items()}
        if service == "monitoring" and (names := members.get("alarmnames")):
            return f"arn:aws:cloudwatch:{place}:alarm:{names[0]}"
        if service == "monitoring" and (name := members.get("dashboardname") or members.get("dashboardnames", [""])[0]):
            return f"arn:aws:cloudwatch::{place.rpartition(':')[2]}:dashboard/{name}"
        if service == "events" and (rule := members.get("rule")):
            return f"arn:aws:events:{place}:rule/{rule}"
        return str(members.get("resourcearn", otherwise))
    if service == "lambda" and path.rstrip("/").endswith("/functions") and body:
        return f"arn:aws:lambda:{place}:function:{json.loads(body)['FunctionName']}"
    return otherwise


def _event_sources(request: dict[str, Any]) -> dict[str, list[str]]:
    return {"events:source": [str(entry.get("Source")) for entry in request.get("Entries", ())]}


def _leading_key(request: dict[str, Any]) -> dict[str, list[str]]:
    """Return the item's partition key if it has no sort key. The request does not say which of two keys is which."""
    values = [str(value) for attribute in request.get("Key", {}).values() for value in attribute.values()]
    return {"dynamodb:leadingkeys": values} if len(values) == 1 else {}


_CONDITION_KEYS = {"events:PutEvents": _event_sources, "dynamodb:GetItem": _leading_key}


def _model_resources(resource_arn: str, region: str) -> list[str]:
    """Return the model, or an inference profile and then what it may be sent on to."""
    model_id = resource_arn.rpartition("foundation-model/")[2]
    geography, _, base_model_id = model_id.partition(".")
    if geography not in _PROFILE_GEOGRAPHIES:
        return [resource_arn]
    profile = f"arn:aws:bedrock:{region}:{get_account_id()}:inference-profile/{model_id}"
    regional = f"arn:aws:bedrock:{region}::foundation-model/{base_model_id}"
    regionless = [f"arn:aws:bedrock:::foundation-model/{base_model_id}"] if geography == "global" else []
    return [profile, regional, *regionless]
