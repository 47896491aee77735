"""Lambda's detection of functions that invoke each other in a loop, as AWS has it, where MiniStack's differs.

Lambda counts, for each function in a chain of requests, how often it was invoked. The counts travel in the trace header
(`Lineage`), which AWS's SDKs copy from the environment of a function into each of its calls. After 16 invocations of a
function, Lambda stops the next one, unless the function's setting allows loops: the caller gets an error, and an
asynchronous event goes to the function's destination for failures. MiniStack counts the calls of all functions of the
chain together, in a header that its own workers set, and tells an asynchronous caller of the error.

SQS, SNS and S3 pass the counts on, too, on AWS but not here.

Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
Source: https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
"""

import secrets
import uuid
import zlib
from contextvars import ContextVar
from typing import Any
from urllib.parse import unquote

from ministack.services import lambda_svc

_ERROR = "RecursiveInvocationException"

# Of the invocation that is being taken: its caller's trace header, its own, whether its caller waits, and whether it
# is stopped.
_callers_trace: ContextVar[str] = ContextVar("callers_trace", default="")
_own_trace: ContextVar[str] = ContextVar("own_trace", default="")
_caller_waits: ContextVar[bool] = ContextVar("caller_waits", default=True)
_is_stopped: ContextVar[bool] = ContextVar("is_stopped", default=False)


def install_loop_detection() -> None:
    """Replaces the parts of MiniStack's Lambda that count invocations and stop loops."""
    stop_loop, trace_id = lambda_svc._recursive_loop_drop, lambda_svc._xray_trace_id_for_invocation
    invoke_asynchronously = lambda_svc.invoke_async_with_retry

    def remember_caller(headers: dict[str, str]) -> int:
        _callers_trace.set(unquote(headers.get("x-amzn-trace-id", "")))
        _caller_waits.set(headers.get("x-amz-invocation-type", "") != "Event")
        return 0

    def count_and_stop(name: str, func: dict[str, Any], _depth: int) -> Any:
        function = f"{zlib.crc32(lambda_svc._func_arn(name).encode()):08x}"
        parts = _parts_of(_callers_trace.get())
        lineage = _lineage_of(parts)
        lineage[function] = lineage.get(function, 0) + 1
        stopped = stop_loop(name, func, lineage[function])
        if stopped and _caller_waits.get():
            return stopped
        _is_stopped.set(stopped is not None)
        parts["Lineage"] = "|".join(f"{each}:{count}" for each, count in lineage.items())
        _own_trace.set(";".join(f"{key}={value}" for key, value in parts.items()))
        return None

    def trace_with_lineage(config: dict[str, Any]) -> str:
        own = _parts_of(_own_trace.get())
        fresh = _parts_of(trace_id({"TracingConfig": {"Mode": "Active"}}))
        fresh["Sampled"] = "1" if trace_id(config) else "0"
        return ";".join(f"{key}={value}" for key, value in {**fresh, **own, "Parent": secrets.token_hex(8)}.items())

    def discard_if_stopped(func: dict[str, Any], event: Any) -> None:
        if not _is_stopped.get():
            invoke_asynchronously(func, event)
            return
        _is_stopped.set(False)  # the destination's invocation has the same context
        settings = func.get("event_invoke_config") or (func.get("event_invoke_configs") or {}).get("$LATEST") or {}
        config = func.get("config") or func
        destination = settings.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
        destination = destination or (config.get("DeadLetterConfig") or {}).get("TargetArn")
        if destination:
            error = {"errorType": _ERROR, "errorMessage": "The function was invoked in a loop."}
            result = {"error": True, "body": error, "request_id": str(uuid.uuid4())}
            lambda_svc._route_async_failure(destination, config["FunctionName"], event, result)

    lambda_svc._inbound_invoke_depth = remember_caller
    lambda_svc._recursive_loop_drop = count_and_stop
    lambda_svc._xray_trace_id_for_invocation = trace_with_lineage
    lambda_svc.invoke_async_with_retry = discard_if_stopped


def _parts_of(trace: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in trace.split(";") if "=" in part)


def _lineage_of(parts: dict[str, str]) -> dict[str, int]:
    """Returns how often each function of the chain was invoked; a part that is no count is dropped."""
    counts = (each.rpartition(":") for each in parts.get("Lineage", "").split("|"))
    return {function: int(count) for function, _, count in counts if count.isdecimal()}
