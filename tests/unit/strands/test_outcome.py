"""What each reason to stop amounts to."""

from __future__ import annotations

import asyncio
from typing import get_args

import pytest
from strands.agent import AgentResult
from strands.interrupt import Interrupt
from strands.multiagent.base import MultiAgentResult, NodeResult, Status
from strands.telemetry.metrics import EventLoopMetrics
from strands.types.event_loop import StopReason
from strands.types.exceptions import EventLoopException, MaxTokensReachedException

from runcast.record.model import RunStatus
from runcast.strands.outcome import Outcome, failure, outcome_of

COMPLETE = {"end_turn", "stop_sequence"}
OTHERS = sorted(set(get_args(StopReason)) - COMPLETE - {"cancelled", "interrupt"})


def stopped(reason, interrupts=None) -> AgentResult:
    return AgentResult(
        stop_reason=reason,
        message={"role": "assistant", "content": [{"text": "It is steep."}]},
        metrics=EventLoopMetrics(),
        state={},
        interrupts=interrupts,
    )


@pytest.mark.parametrize("reason", sorted(COMPLETE))
def test_a_natural_end_is_complete(reason):
    assert outcome_of(stopped(reason)) == Outcome(RunStatus.COMPLETE, "Complete", result="It is steep.")


def test_a_cancelled_run_is_cancelled():
    assert outcome_of(stopped("cancelled")) == Outcome(RunStatus.CANCELLED, "Cancelled", error="The run was cancelled.")


def test_an_interrupt_is_a_pause_and_carries_the_questions():
    outcome = outcome_of(stopped("interrupt", [Interrupt(id="i1", name="approve", reason={"cost": 5})]))
    question = {"id": "i1", "name": "approve", "reason": {"cost": 5}, "response": None}
    assert outcome == Outcome(RunStatus.WAITING, "Waiting for an answer", metadata={"interrupts": [question]})


@pytest.mark.parametrize("reason", [*OTHERS, "some_future_reason"])
def test_every_other_reason_is_an_error_that_names_it(reason):
    error = f"The agent stopped before it was done: {reason}."
    assert outcome_of(stopped(reason)) == Outcome(RunStatus.ERROR, error, error=error)


def test_the_others_are_those_we_think():
    assert OTHERS == [
        "checkpoint", "content_filtered", "guardrail_intervened", "limit_output_tokens", "limit_total_tokens",
        "limit_turns", "max_tokens", "tool_use",
    ]  # fmt: skip


@pytest.mark.parametrize("wrap", [lambda error: error, EventLoopException])
def test_an_exception_is_an_error_that_names_it(wrap):
    error = "ConnectionError: no route to the model"
    assert failure(wrap(ConnectionError("no route to the model"))) == Outcome(RunStatus.ERROR, error, error=error)


def test_a_task_that_is_cancelled_is_a_cancelled_run():
    error = asyncio.CancelledError()
    assert failure(error) == Outcome(RunStatus.CANCELLED, "Cancelled", error="The run was cancelled.")


def test_too_few_tokens_are_a_reason_to_stop_though_they_are_raised():
    error = "The agent stopped before it was done: max_tokens."
    assert failure(MaxTokensReachedException("too long")) == Outcome(RunStatus.ERROR, error, error=error)


def many(status, **nodes) -> MultiAgentResult:
    answers = {name: NodeResult(stopped("end_turn"), status=each) for name, each in nodes.items()}
    return MultiAgentResult(status, answers, interrupts=[Interrupt(id="i1", name="approve")])


def test_agents_that_have_completed_are_complete():
    result = many(Status.COMPLETED, survey=Status.COMPLETED)
    result.interrupts = []
    assert outcome_of(result) == Outcome(RunStatus.COMPLETE, "Complete", result="survey: It is steep.")


def test_agents_of_which_one_asks_are_waiting():
    outcome = outcome_of(many(Status.INTERRUPTED, survey=Status.INTERRUPTED))
    question = {"id": "i1", "name": "approve", "reason": None, "response": None}
    assert outcome == Outcome(RunStatus.WAITING, "Waiting for an answer", metadata={"interrupts": [question]})


@pytest.mark.parametrize(
    ("result", "error"),
    [
        (many(Status.FAILED, survey=Status.FAILED, edit=Status.COMPLETED),
         "The agents stopped before they were done: survey failed."),
        (many(Status.FAILED), "The agents stopped before they were done: failed."),
        (many(Status.EXECUTING), "The agent stopped before it was done: executing."),
    ],
)  # fmt: skip
def test_agents_that_stop_otherwise_are_an_error(result, error):
    assert outcome_of(result) == Outcome(RunStatus.ERROR, error, error=error)


def test_an_endless_exception_is_shortened():
    assert len(failure(ValueError("x" * 100_000)).error) == 2_000
