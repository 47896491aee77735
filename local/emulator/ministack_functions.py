"""Makes MiniStack's Lambda behave like AWS: the interpreter of a function, the names of its errors, the ids.

A function needs a bare interpreter, because it could otherwise import the emulator's packages. State machines decide by
the names of errors, and the id of an invocation identifies its runs.
"""

import os
import queue
import tempfile
import zipfile
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ministack.core import lambda_runtime
from ministack.core.responses import get_account_id, get_region
from ministack.services import lambda_svc

from local.emulator.cold_starts import ColdStarts
from local.emulator.ministack_tenants import install_tenants
from local.emulator.ministack_updates import end_retired, install_updates
from local.emulator.unpacking import shared_archive
from local.settings import RUNTIMES_FOLDER

_WORKER_DIED = "Worker process died"
# What a worker writes to its log after each invocation.
_LOG_ENDS = "\x1eruncast: the invocation's log ends"
_LOG_MAX_WAIT_SECONDS = 0.25
_unpacked = tempfile.TemporaryDirectory(prefix="runcast-functions-")


class UnsupportedMinistack(Exception):
    """The installed MiniStack is not the version that these replacements were written for."""


def install_functions(function_python: str) -> None:
    """Replaces the parts of MiniStack's Lambda that run functions and report their results.

    Args:
        function_python: path of the interpreter for functions whose runtime is not installed on this machine.

    Raises:
        UnsupportedMinistack: a text to be replaced is not there.
    """
    _run_functions_on(function_python)
    _unpack_functions_once()
    _pace_cold_starts()
    install_updates()
    _end_each_log_with_a_mark()
    _name_errors_by_their_class()
    _tell_which_invocation_it_was()
    install_tenants()


def end_functions() -> None:
    """Ends the Lambda workers, and removes the functions' code."""
    lambda_svc.reset()
    end_retired()
    _unpacked.cleanup()


def _run_functions_on(function_python: str) -> None:
    original = lambda_runtime._detect_runtime_binary

    def detect(runtime: str) -> tuple[str, str]:
        binary, script = original(runtime)
        if not runtime.startswith("python"):
            return binary, script
        own = Path(function_python).parents[1] / RUNTIMES_FOLDER / runtime / "bin" / "python"
        if own.exists():
            return str(own), script
        print(f"A function of {runtime} runs on {function_python}: that Python is not on this machine.", flush=True)
        return function_python, script

    lambda_runtime._detect_runtime_binary = detect


def _unpack_functions_once() -> None:
    archive = shared_archive(Path(_unpacked.name))
    lambda_runtime.zipfile = SimpleNamespace(**{**vars(zipfile), "ZipFile": archive})


def _pace_cold_starts() -> None:
    """Start as many workers at once as there are processors; an invocation, which has its own thread, may wait."""
    starts = ColdStarts(os.cpu_count() or 1)
    acquire, release = lambda_svc.acquire_worker, lambda_svc.release_worker

    def acquire_when_possible(name: str, config: Any, code: bytes, qualifier: str = "$LATEST") -> tuple[Any, str]:
        key = lambda_runtime._worker_key(name, config, qualifier)
        return starts.lease(
            lambda: list(lambda_runtime._workers.get(key, ())), lambda: acquire(name, config, code, qualifier=qualifier)
        )

    def release_and_tell(worker: Any) -> None:
        release(worker)
        starts.returned(worker)

    lambda_svc.acquire_worker = acquire_when_possible
    lambda_svc.release_worker = release_and_tell


def _end_each_log_with_a_mark() -> None:
    """Answer as soon as a Python function is done, and make its worker idle again.

    MiniStack does not know where an invocation's log ends, so it polls each millisecond, for 50 ms if the log is empty.
    During that time the caller waits for a finished answer, and the next event needs another worker.
    """
    script = lambda_runtime._PYTHON_WORKER_SCRIPT
    before = "        _real_stdout.flush()\n\nrun()"
    if script.count(before) != 1:
        raise UnsupportedMinistack(f"the Python worker does not contain {before!r} exactly once")
    mark = f"        sys.stderr.flush(); os.write(2, {(_LOG_ENDS + os.linesep).encode()!r})\n"
    lambda_runtime._PYTHON_WORKER_SCRIPT = script.replace(before, mark + before)
    original = lambda_runtime.Worker._drain_stderr_bounded

    def drain_to_mark(worker: Any) -> str:
        if not worker.config["Runtime"].startswith("python"):
            return str(original(worker))
        lines = []
        while True:
            try:
                line = worker._stderr_queue.get(timeout=_LOG_MAX_WAIT_SECONDS)
            except queue.Empty:  # the process has died
                break
            # The last line may have had no end.
            text, marked, _ = line.partition(_LOG_ENDS)
            if text or not marked:
                lines.append(text)
            if marked:
                break
        return "\n".join(lines)

    lambda_runtime.Worker._drain_stderr_bounded = drain_to_mark


def _name_errors_by_their_class() -> None:
    """MiniStack calls every error of a Python function `Runtime.HandlerError`; Lambda names it by its class.

    The names are what Retry and Catch of Step Functions go by. A worker that dies without a report gets Lambda's error
    name.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html
    """
    script = lambda_runtime._PYTHON_WORKER_SCRIPT
    before = '{"status": "error", "error": str(e), "trace"'
    if script.count(before) != 1:
        raise UnsupportedMinistack(f"the Python worker does not contain {before!r} exactly once")
    named = before.replace("str(e),", 'str(e), "type": type(e).__name__,')
    lambda_runtime._PYTHON_WORKER_SCRIPT = script.replace(before, named)
    invoke, execute = lambda_runtime.Worker.invoke, lambda_svc._execute_function_warm
    error_type: ContextVar[str | None] = ContextVar("error_type", default=None)

    def invoke_and_tell(*arguments: Any, **options: Any) -> dict[str, Any]:
        result: dict[str, Any] = invoke(*arguments, **options)
        died = "Runtime.ExitError" if result.get("error") == _WORKER_DIED else None
        error_type.set(result.get("type", died))
        return result

    def execute_and_name(func: Any, event: Any, request_id: str) -> dict[str, Any]:
        error_type.set(None)
        result: dict[str, Any] = execute(func, event, request_id)
        if result.get("error") and (name := error_type.get()):
            result["body"]["errorType"] = name
        return result

    lambda_runtime.Worker.invoke = invoke_and_tell
    lambda_svc._execute_function_warm = execute_and_name


def _tell_which_invocation_it_was() -> None:
    """MiniStack keeps an invocation's id from who invoked it, and from the Lambda that failures are sent to.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
    """
    dispatch, route = lambda_svc._execute_function_dispatch, lambda_svc._route_async_failure
    invoke = lambda_svc._invoke
    invocations: ContextVar[list[str]] = ContextVar("invocations")

    async def invoke_and_tell(*arguments: Any, **options: Any) -> tuple[int, dict[str, str], bytes]:
        ids: list[str] = []
        invocations.set(ids)
        status, headers, body = await invoke(*arguments, **options)
        return status, headers | ({"x-amzn-requestid": ids[-1]} if ids else {}), body

    def with_id(func: Any, config: Any, event: Any, request_id: str, started: float) -> dict[str, Any]:
        invocations.get([]).append(request_id)
        return {**dispatch(func, config, event, request_id, started), "request_id": request_id}

    def route_with_id(target_arn: str, func_name: str, event: Any, result: dict[str, Any]) -> None:
        destination = lambda_svc._get_func_record_for_ref(target_arn)[0] if ":lambda:" in target_arn else None
        if destination is None:
            route(target_arn, func_name, event, result)
            return
        record = _failure_record(result["request_id"], func_name, event, result["body"])
        lambda_svc.invoke_async_with_retry(destination, record)

    lambda_svc._invoke = invoke_and_tell
    lambda_svc._execute_function_dispatch = with_id
    lambda_svc._route_async_failure = route_with_id


def _failure_record(request_id: str, function_name: str, event: Any, error: Any) -> dict[str, Any]:
    """Returns what Lambda sends to the destination of an asynchronous invocation that failed.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    """
    return {
        "version": "1.0",
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "requestContext": {
            "requestId": request_id,
            "functionArn": f"arn:aws:lambda:{get_region()}:{get_account_id()}:function:{function_name}:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 1,
        },
        "requestPayload": event,
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "responsePayload": error,
    }
