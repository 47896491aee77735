"""Patches MiniStack's Step Functions so that executions end, and tasks wait, as on AWS.

MiniStack keeps running a stopped execution: its retries continue, and its end overwrites `ABORTED`. It also has no
timeout for executions. Both are fixed here, because `run_closer` depends on the events of these ends.

A task that waits for its token ignores errors of its function in MiniStack, keeps one token for all tries, and cannot
compute its timeout.
"""

import contextvars
import json
import threading
from typing import Any

from ministack.core.responses import now_iso
from ministack.services import stepfunctions


class _ExecutionOver(Exception):
    """The execution has ended, from without, while a state of it was under way."""


def install_state_machines() -> None:
    """Replaces the parts of MiniStack's Step Functions that end an execution."""
    _end_once()
    _end_in_time()
    _wait_for_tokens()


def _end_once() -> None:
    add_event, fail = stepfunctions._add_event, stepfunctions._fail_execution

    def add_event_while_running(execution: Any, event_type: str, details: Any = None) -> None:
        if execution["status"] != "RUNNING" and not event_type.startswith("Execution"):
            raise _ExecutionOver
        add_event(execution, event_type, details)

    def fail_while_running(execution: Any, error: str, cause: str) -> None:
        if execution["status"] == "RUNNING":
            fail(execution, error, cause)

    stepfunctions._add_event = add_event_while_running
    stepfunctions._fail_execution = fail_while_running


def _end_in_time() -> None:
    run = stepfunctions._run_execution

    def run_in_time(execution_arn: str) -> None:
        execution = stepfunctions._executions[execution_arn]
        machine = stepfunctions._state_machines[execution["stateMachineArn"]]
        seconds = json.loads(machine["definition"]).get("TimeoutSeconds")
        if seconds is None:
            run(execution_arn)
            return
        timer = threading.Timer(seconds, contextvars.copy_context().run, (_time_out, execution))
        timer.daemon = True
        timer.start()
        try:
            run(execution_arn)
        finally:
            timer.cancel()

    stepfunctions._run_execution = run_in_time


def _time_out(execution: Any) -> None:
    if execution["status"] == "RUNNING":
        execution["status"] = "TIMED_OUT"
        execution["stopDate"] = now_iso()
        stepfunctions._add_event(execution, "ExecutionTimedOut", {"executionTimedOutEventDetails": {}})
        stepfunctions._emit_execution_status_event(execution)


def _wait_for_tokens() -> None:
    execute = stepfunctions._execute_task
    fill_in = stepfunctions._apply_jsonata_arguments

    def execute_task(state: Any, raw_input: Any, execution: Any, context: Any) -> Any:
        if isinstance(state.get("TimeoutSeconds"), str):
            seconds = stepfunctions._jsonata_state_field(state, "TimeoutSeconds", "number", raw_input, context)
            state = {**state, "TimeoutSeconds": seconds}
        return execute(state, raw_input, execution, context)

    def fill_in_with_a_new_token(state: Any, raw_input: Any, context: Any = None) -> Any:
        if state.get("Resource", "").endswith(".waitForTaskToken"):
            context["Task"] = {"Token": stepfunctions.new_uuid()}
        return fill_in(state, raw_input, context)

    stepfunctions._execute_task = execute_task
    stepfunctions._apply_jsonata_arguments = fill_in_with_a_new_token
    stepfunctions._invoke_with_callback = _invoke_and_wait


def _invoke_and_wait(_resource: str, arguments: Any, token: str, state: Any) -> Any:
    """Invokes a task's function, and waits until the task's result is sent with the token."""
    task: dict[str, Any] = {"event": threading.Event(), "result": None, "error": None, "heartbeat": None}
    stepfunctions._task_tokens[token] = task
    try:
        function = stepfunctions._resolve_lambda_function_ref(arguments["FunctionName"], optimized=True)
        stepfunctions._call_lambda(function, arguments["Payload"])
        if not task["event"].wait(state["TimeoutSeconds"]):
            raise stepfunctions._ExecutionError("States.Timeout", "The task's result was not sent in time.")
    finally:
        stepfunctions._task_tokens.pop(token, None)
    if task["error"]:
        raise stepfunctions._ExecutionError(task["error"]["Error"], task["error"]["Cause"])
    return json.loads(task["result"])
