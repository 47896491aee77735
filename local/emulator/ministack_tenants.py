"""Lambda's tenant isolation, as AWS has it: MiniStack keeps a function's setting and ignores it.

A function with `TenancyConfig` has workers for each tenant. An invocation of it must name a tenant in a header, and an
invocation of any other function must not. The function finds the tenant in its context.

Source: https://docs.aws.amazon.com/lambda/latest/dg/tenant-isolation.html
"""

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from ministack.core import lambda_runtime
from ministack.core.responses import error_response_json
from ministack.services import lambda_svc

HEADER = "x-amz-tenant-id"
_BETWEEN = "/"  # no function has it in its name
_REQUEST_ID = '"aws_request_id": _ms_ctx.get("request_id", ""),'

# The code is documented for both, the text only for an invocation without a tenant (in AWS's post on this mode).
# Source: https://docs.aws.amazon.com/lambda/latest/dg/tenant-isolation-troubleshooting.html
_CODE = "InvalidParameterValueException"
_WITHOUT = "is enabled with tenancy configuration. Add a valid tenant ID in"
_WITH = "is not enabled with tenancy configuration. Remove the tenant ID from"

# The tenant of the invocation that is being taken. Asynchronous invocations have a copy of their caller's context.
_tenant: ContextVar[str | None] = ContextVar("tenant", default=None)


def install_tenants() -> None:
    """Replaces the parts of MiniStack's Lambda that take an invocation and choose its worker.

    Raises:
        LookupError: a text to be replaced is not there.
    """
    _refuse_as_lambda()
    _choose_a_worker_of_the_tenant()
    _show_the_tenant_to_the_function()


def _refuse_as_lambda() -> None:
    take = lambda_svc._invoke

    async def take_or_refuse(name: str, event: Any, headers: Mapping[str, str], *rest: Any, **options: Any) -> Any:
        tenant = headers.get(HEADER)
        config = lambda_svc._functions.get(name, {}).get("config")
        if config and bool(config.get("TenancyConfig")) != bool(tenant):
            wrong = _WITH if tenant else _WITHOUT
            return error_response_json(_CODE, f"The invoked function {wrong} your request and try again.", 400)
        _tenant.set(tenant)
        return await take(name, event, headers, *rest, **options)

    lambda_svc._invoke = take_or_refuse


def _choose_a_worker_of_the_tenant() -> None:
    """Pool the workers of one tenant as if they were those of a function of its own."""
    key, invalidate = lambda_runtime._worker_key, lambda_svc.invalidate_worker

    def key_of_tenant(name: str, config: Mapping[str, Any], qualifier: str) -> str:
        tenant = _tenant.get() if config.get("TenancyConfig") else None
        own = f"{name}{_BETWEEN}{tenant.encode().hex()}" if tenant else name
        return str(key(own, config, qualifier))

    def invalidate_for_all(name: str, *scope: Any, **options: Any) -> None:
        with lambda_runtime._lock:
            pools = {pool.split(":")[2] for pool in lambda_runtime._workers}
        for pool in {name, *(pool for pool in pools if pool.startswith(f"{name}{_BETWEEN}"))}:
            invalidate(pool, *scope, **options)

    lambda_runtime._worker_key = key_of_tenant
    lambda_svc.invalidate_worker = invalidate_for_all


def _show_the_tenant_to_the_function() -> None:
    """Put the tenant into the context of Python functions.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/tenant-isolation-access-tenant-id.html
    """
    script = lambda_runtime._PYTHON_WORKER_SCRIPT
    if script.count(_REQUEST_ID) != 1:
        raise LookupError(f"the Python worker does not contain {_REQUEST_ID!r} exactly once")
    # The worker ignores names that it does not know in this mapping.
    tenant = '"tenant_id": (_ms_ctx.get("durable") or {}).get("tenant_id"),'
    lambda_runtime._PYTHON_WORKER_SCRIPT = script.replace(_REQUEST_ID, f"{_REQUEST_ID}\n            {tenant}")
    invoke = lambda_runtime.Worker.invoke

    def invoke_for_tenant(worker: Any, *arguments: Any, **options: Any) -> Any:
        if worker.config.get("TenancyConfig"):
            options["durable"] = {**(options.get("durable") or {}), "tenant_id": _tenant.get()}
        return invoke(worker, *arguments, **options)

    lambda_runtime.Worker.invoke = invoke_for_tenant
