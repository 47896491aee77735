"""API Gateway: a REST API described by a Swagger document, its deployments and its stage."""

from collections.abc import Callable, Mapping
from typing import Any

from local.terraform_provider.entry import Call, Client, Entry, Facet, State, Tagging, words


def _patch(**paths: str) -> Callable[[State, State, State | None], State]:
    """Sends an update the way API Gateway takes it, as patch operations: argument -> path."""

    def send(params: State, state: State, prior: State | None) -> State:
        values = {path: state[name] for name, path in paths.items()}
        return params if prior is None else {"patchOperations": _replacements(values)}

    return send


def _replacements(values: Mapping[str, Any]) -> list[State]:
    return [
        {"op": "replace", "path": path, "value": str(value).lower() if isinstance(value, bool) else value or ""}
        for path, value in values.items()
    ]


def _put_definition(client: Client, state: State, _prior: State) -> None:
    """Imports the document. That also gives the API the document's name and description, so ours are put back."""
    if state["body"]:
        client.put_rest_api(restApiId=state["id"], mode="overwrite", body=state["body"])
    own = {"/name": state["name"], "/description": state["description"]}
    client.update_rest_api(restApiId=state["id"], patchOperations=_replacements(own))


def _put_endpoint(_client: Client, _state: State, prior: State) -> None:
    if prior:  # create_rest_api has taken it already
        raise ValueError("the local provider does not change the endpoint of an existing REST API: destroy it first")


def _put_access_log(client: Client, state: State, prior: State) -> None:
    for block in state["access_log_settings"]:
        destination, form = block["destination_arn"], block["format"]
        paths = {"/accessLogSettings/destinationArn": destination, "/accessLogSettings/format": form}
        client.update_stage(**_stage(state), patchOperations=_replacements(paths))
    if prior and not state["access_log_settings"]:
        client.update_stage(**_stage(state), patchOperations=[{"op": "remove", "path": "/accessLogSettings"}])


def _stage(state: State) -> State:
    return {"restApiId": state["rest_api_id"], "stageName": state["stage_name"]}


def _send_throttling(_params: State, state: State, _prior: State | None) -> State:
    (settings,) = state["settings"]
    root = f"/{state['method_path']}/throttling"
    limits = {"rateLimit": settings["throttling_rate_limit"], "burstLimit": int(settings["throttling_burst_limit"])}
    return {"patchOperations": _replacements({f"{root}/{name}": str(limit) for name, limit in limits.items()})}


def _read_throttling(client: Client, state: State) -> State | None:
    settings = client.get_stage(**_stage(state)).get("methodSettings", {}).get(state["method_path"])
    return {"settings": settings} if settings else None


def _delete_throttling(client: Client, state: State) -> None:
    client.update_stage(**_stage(state), patchOperations=[{"op": "remove", "path": f"/{state['method_path']}"}])


def _send_account(_params: State, state: State, _prior: State | None) -> State:
    return {"patchOperations": _replacements({"/cloudwatchRoleArn": state["cloudwatch_role_arn"]})}


def _read_account(client: Client, _state: State) -> State | None:
    """The setting is always there; it is ours while it names a role."""
    account: State = client.get_account()
    return account if account.get("cloudwatchRoleArn") else None


API = {"restApiId": "{id}"}
DEPLOYMENT = {"restApiId": "{rest_api_id}", "deploymentId": "{id}"}
STAGE = {"restApiId": "{rest_api_id}", "stageName": "{stage_name}"}
ARN = "arn:{partition}:apigateway:{region}::/restapis/"
EXECUTION_ARN = "arn:{partition}:execute-api:{region}:{account}:"
TAGS = Tagging(list="get_tags")

ENTRIES = {
    "aws_api_gateway_rest_api": Entry(
        service="apigateway",
        create=Call("create_rest_api"),
        read=Call("get_rest_api", given=API),
        delete=Call("delete_rest_api", given=API),
        id="{id}",
        read_as={"id": "id"},
        refused=words(
            "api_key_source binary_media_types disable_execute_api_endpoint endpoint_access_mode"
            " endpoint_configuration.ip_address_type endpoint_configuration.vpc_endpoint_ids fail_on_warnings"
            " minimum_compression_size parameters policy put_rest_api_mode security_policy"
        ),
        kept=words("body"),
        undeclared=words("endpoint_configuration"),
        derived={"arn": ARN + "{id}", "execution_arn": EXECUTION_ARN + "{id}"},
        facets=(
            Facet(words("endpoint_configuration"), _put_endpoint),
            Facet(words("body description name"), _put_definition),
        ),
        tags=TAGS,
    ),
    "aws_api_gateway_deployment": Entry(
        service="apigateway",
        create=Call("create_deployment"),
        read=Call("get_deployment", given=DEPLOYMENT),
        update=Call("update_deployment", given=DEPLOYMENT),
        delete=Call("delete_deployment", given=DEPLOYMENT),
        id="{id}",
        read_as={"id": "id"},
        refused=words("variables"),
        kept=words("triggers"),
        by_hook=words("triggers"),
        forces=words("rest_api_id triggers"),
        send=_patch(description="/description"),
    ),
    "aws_api_gateway_stage": Entry(
        service="apigateway",
        create=Call("create_stage"),
        read=Call("get_stage", given=STAGE),
        update=Call("update_stage", given=STAGE),
        delete=Call("delete_stage", given=STAGE),
        id="ags-{rest_api_id}-{stage_name}",
        rename={"xray_tracing_enabled": "tracingEnabled"},
        refused=words(
            "cache_cluster_enabled cache_cluster_size canary_settings client_certificate_id description"
            " documentation_version variables"
        ),
        defaults={"xray_tracing_enabled": False},
        forces=words("rest_api_id stage_name"),
        derived={
            "arn": ARN + "{rest_api_id}/stages/{stage_name}",
            "execution_arn": EXECUTION_ARN + "{rest_api_id}/{stage_name}",
            # Where the emulator serves a stage: the real one's host is not to be had on this machine.
            "invoke_url": "{endpoint}/restapis/{rest_api_id}/{stage_name}/_user_request_",
        },
        send=_patch(deployment_id="/deploymentId", xray_tracing_enabled="/tracingEnabled"),
        facets=(Facet(words("access_log_settings"), _put_access_log),),
        tags=TAGS,
    ),
    "aws_api_gateway_method_settings": Entry(
        service="apigateway",
        create=Call("update_stage", given=STAGE),
        read=_read_throttling,
        update=Call("update_stage", given=STAGE),
        delete=_delete_throttling,
        id="{rest_api_id}-{stage_name}-{method_path}",
        required=words("settings.throttling_burst_limit settings.throttling_rate_limit"),
        refused=words(
            "settings.cache_data_encrypted settings.cache_ttl_in_seconds settings.caching_enabled"
            " settings.data_trace_enabled settings.logging_level settings.metrics_enabled"
            " settings.require_authorization_for_cache_control settings.unauthorized_cache_control_header_strategy"
        ),
        only={"method_path": "*/*"},
        forces=words("method_path rest_api_id stage_name"),
        by_hook=words("method_path settings"),
        send=_send_throttling,
    ),
    "aws_api_gateway_account": Entry(
        service="apigateway",
        create=Call("update_account"),
        read=_read_account,
        update=Call("update_account"),
        delete=Call("update_account", given={"patchOperations": [{"op": "replace", "path": "/cloudwatchRoleArn"}]}),
        id="api-gateway-account",
        required=words("cloudwatch_role_arn"),
        by_hook=words("cloudwatch_role_arn"),
        send=_send_account,
    ),
}
