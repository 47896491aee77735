"""Patches MiniStack's Step Functions so that an execution ends once and in time, as on AWS.

MiniStack keeps running a stopped execution: its retries continue, and its end overwrites `ABORTED`. It also has no
timeout for executions. Both are fixed here, because `run_closer` depends on the events of these ends.
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
