"""Lets the emulated services act with the roles that they are given, as AWS's do.

MiniStack checks the requests of a function's code, but not what a service does on behalf of a function, a data source
or a state machine: then a role without a permission that such a service needs would be noticed on AWS only.

AWS checks some of the permissions for logs, traces and networks when a setting is made, and others later. Here all
those that its guides require are checked when it is made. Like `ministack`, this depends on private names.
"""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.iam_evaluator import EvalContext
from ministack.core.responses import error_response_json, get_account_id, get_region
from ministack.services import appsync, lambda_svc, stepfunctions

# Source: https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html
_FUNCTION_TRACES = ("xray:PutTelemetryRecords", "xray:PutTraceSegments")
# Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
_FUNCTION_NETWORK = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)
# Source: https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
_MACHINE_LOGS = (
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
)
# Source: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-xray-tracing.html
_MACHINE_TRACES = (
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
)

_machine_role: ContextVar[str] = ContextVar("machine_role")


def install_roles() -> None:
    """Replaces the parts of MiniStack in which a service acts for a resource."""
    _check_data_sources()
    _check_state_machines()
    _check_logs()
    _check_settings()


def allows(role_arn: str, action: str, resource_arn: str) -> bool:
    """Return whether a role's policies allow a service an action on a resource."""
    account_id, name = get_account_id(), role_arn.rsplit("/", 1)[-1]
    context = EvalContext(
        principal_arn=f"arn:aws:sts::{account_id}:assumed-role/{name}/service",
        principal_type="AssumedRole",
        principal_account=account_id,
        action=action,
        resource_arn=resource_arn,
        region=get_region(),
    )
    policies = iam_evaluator._gather_role_policies(name, account_id)
    return bool(iam_evaluator.evaluate(context, policies).decision == "Allow")


def _refusal(role_arn: str, action: str, resource_arn: str) -> str:
    name = role_arn.rsplit("/", 1)[-1]
    return f"The role {name} is not authorized to perform: {action} on resource: {resource_arn}"


def _check_data_sources() -> None:
    functions, tables = (appsync._DATA_SOURCE_HANDLERS[kind] for kind in ("AWS_LAMBDA", "AMAZON_DYNAMODB"))

    def invoke(api_id: str, source: Mapping[str, Any], request: Any, context: Any) -> Any:
        _require_for_source(source, "lambda:InvokeFunction", source["lambdaConfig"]["lambdaFunctionArn"])
        return functions(api_id, source, request, context)

    def access(api_id: str, source: Mapping[str, Any], request: Any, context: Any) -> Any:
        table = f"arn:aws:dynamodb:{get_region()}:{get_account_id()}:table/{source['dynamodbConfig']['tableName']}"
        _require_for_source(source, f"dynamodb:{request['operation']}", table)
        return tables(api_id, source, request, context)

    appsync._DATA_SOURCE_HANDLERS |= {"AWS_LAMBDA": invoke, "AMAZON_DYNAMODB": access}


def _require_for_source(source: Mapping[str, Any], action: str, resource_arn: str) -> None:
    role_arn = source["serviceRoleArn"]
    if not allows(role_arn, action, resource_arn):
        raise appsync._AppSyncResolverError(_refusal(role_arn, action, resource_arn), "AccessDeniedException")


def _check_state_machines() -> None:
    run, call = stepfunctions._run_execution, stepfunctions._call_lambda

    def run_with_its_role(execution_arn: str) -> None:
        execution = stepfunctions._executions[execution_arn]
        _machine_role.set(stepfunctions._state_machines[execution["stateMachineArn"]]["roleArn"])
        run(execution_arn)

    def call_with_its_role(function: str, event: Any) -> Any:
        _, config, _ = lambda_svc._get_func_record_for_ref(function)
        role_arn, function_arn = _machine_role.get(), (config or {}).get("FunctionArn", function)
        if not allows(role_arn, "lambda:InvokeFunction", function_arn):
            refusal = _refusal(role_arn, "lambda:InvokeFunction", function_arn)
            raise stepfunctions._ExecutionError("Lambda.AWSLambdaException", refusal)
        return call(function, event)

    stepfunctions._run_execution = run_with_its_role
    stepfunctions._call_lambda = call_with_its_role


def _check_logs() -> None:
    write = lambda_svc._emit_lambda_logs

    def write_if_allowed(function: Mapping[str, Any], *about: Any, **more: Any) -> None:
        config = function.get("config") or function
        group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{config['FunctionName']}"
        stream = f"arn:aws:logs:{get_region()}:{get_account_id()}:log-group:{group}:log-stream:any"
        if all(allows(config["Role"], f"logs:{action}", stream) for action in ("CreateLogStream", "PutLogEvents")):
            write(function, *about, **more)

    lambda_svc._emit_lambda_logs = write_if_allowed


def _check_settings() -> None:
    create, update = lambda_svc._create_function, lambda_svc._update_config
    create_machine, update_machine = stepfunctions._create_state_machine, stepfunctions._update_state_machine

    def update_function(name: str, settings: Mapping[str, Any]) -> Any:
        before = (lambda_svc._functions.get(name) or {}).get("config") or {}
        return _function_refusal({**before, **settings}) or update(name, settings)

    def update_state_machine(settings: Mapping[str, Any]) -> Any:
        before = stepfunctions._state_machines.get(settings.get("stateMachineArn")) or {}
        return _machine_refusal({**before, **settings}) or update_machine(settings)

    lambda_svc._create_function = _checked(create, _function_refusal)
    lambda_svc._update_config = update_function
    stepfunctions._create_state_machine = _checked(create_machine, _machine_refusal)
    stepfunctions._update_state_machine = update_state_machine


def _checked(create: Callable[[Any], Any], refusal: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda settings: refusal(settings) or create(settings)


def _function_refusal(settings: Mapping[str, Any]) -> Any:
    """Return the answer that refuses a function's settings, or None."""
    needed: list[str] = []
    if (settings.get("TracingConfig") or {}).get("Mode") == "Active":
        needed += _FUNCTION_TRACES
    if (settings.get("VpcConfig") or {}).get("SubnetIds"):
        needed += _FUNCTION_NETWORK
    for action in needed:
        if not allows(settings["Role"], action, "*"):
            service, _, name = action.partition(":")
            message = f"The provided execution role does not have permissions to call {name} on {service.upper()}"
            return error_response_json("InvalidParameterValueException", message, 400)
    return None


def _machine_refusal(settings: Mapping[str, Any]) -> Any:
    """Return the answer that refuses a state machine's settings, or None."""
    needed = []
    if (settings.get("loggingConfiguration") or {}).get("level", "OFF") != "OFF":
        message = "The state machine IAM Role is not authorized to access the Log Destination"
        needed += [(action, message) for action in _MACHINE_LOGS]
    if (settings.get("tracingConfiguration") or {}).get("enabled"):
        message = "The state machine IAM Role is not authorized to send traces"
        needed += [(action, message) for action in _MACHINE_TRACES]
    for action, message in needed:
        if not allows(settings["roleArn"], action, "*"):
            return error_response_json("AccessDeniedException", message, 400)
    return None
