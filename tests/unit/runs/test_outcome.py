"""The outcome for each stop reason."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import get_args

import pytest
from pydantic import BaseModel
from strands.agent import AgentResult
from strands.interrupt import Interrupt
from strands.multiagent.base import MultiAgentResult, NodeResult, Status
from strands.telemetry.metrics import EventLoopMetrics
from strands.types.event_loop import StopReason
from strands.types.exceptions import EventLoopException, MaxTokensReachedException

from runcast.errors import RunStopped
from runcast.record.assignment import Stop
from runcast.record.model import EndReason, RunStatus
from runcast.runs.outcome import RunOutcome, failure, outcome_of

CANCELLED = RunOutcome(
    RunStatus.CANCELLED, "Cancelled", error="The run was cancelled.", reason=EndReason.AGENT_CANCELLED
)
COMPLETE = {"end_turn", "stop_sequence", "tool_use"}
ERRORS = {
    "checkpoint", "content_filtered", "guardrail_intervened", "limit_output_tokens", "limit_total_tokens",
    "limit_turns", "max_tokens",
}  # fmt: skip


class Slope(BaseModel):
    degrees: float
    aspect: str


def stopped(reason, interrupts=None, **more) -> AgentResult:
    about = {"message": {"role": "assistant", "content": [{"text": "It is steep."}]}, "state": {}, **more}
    return AgentResult(stop_reason=reason, metrics=EventLoopMetrics(), interrupts=interrupts, **about)


def test_each_reason_that_strands_may_give_is_decided():
    """A new one fails here: decide what it means, in `outcome.py` and above."""
    assert set(get_args(StopReason)) == COMPLETE | ERRORS | {"cancelled", "interrupt"}


@pytest.mark.parametrize("reason", sorted(COMPLETE))
def test_a_natural_end_is_complete(reason):
    assert outcome_of(stopped(reason)) == RunOutcome(RunStatus.COMPLETE, "Complete", result="It is steep.")


def test_a_cancelled_run_is_cancelled():
    assert outcome_of(stopped("cancelled")) == CANCELLED


def test_an_interrupt_is_a_pause_and_carries_the_questions():
    outcome = outcome_of(stopped("interrupt", [Interrupt(id="i1", name="approve", reason={"cost": 5})]))
    question = {"id": "i1", "name": "approve", "reason": {"cost": 5}}
    assert outcome == RunOutcome(RunStatus.WAITING, "Waiting for an answer", metadata={"interrupts": [question]})


@pytest.mark.parametrize("reason", [*sorted(ERRORS), "some_future_reason"])
def test_every_other_reason_is_an_error_that_names_it_and_keeps_what_the_model_said(reason):
    error = f"The agent stopped before it was done: {reason}."
    expected = RunOutcome(RunStatus.ERROR, error, result="It is steep.", error=error, reason=EndReason.AGENT_STOPPED)
    assert outcome_of(stopped(reason)) == expected


@pytest.mark.parametrize("stop", [None, Stop.CANCELLED])
def test_structured_output_is_the_result_as_json(stop):
    outcome = outcome_of(stopped("tool_use", structured_output=Slope(degrees=3.5, aspect="north")), stop)
    assert outcome == RunOutcome(RunStatus.COMPLETE, "Complete", result={"degrees": 3.5, "aspect": "north"})


def test_facts_beside_structured_output_are_kept():
    state = {"runcast_facts": {"area": {"value": 7, "unit": "ha"}}}
    outcome = outcome_of(stopped("tool_use", structured_output=Slope(degrees=3.5, aspect="north"), state=state))
    assert outcome.result == {"text": '{"degrees":3.5,"aspect":"north"}', "facts": state["runcast_facts"]}


def test_an_agent_that_its_own_tool_has_ended_is_complete():
    outcome = outcome_of(stopped("cancelled"), stopped_itself=True)
    assert outcome == RunOutcome(RunStatus.COMPLETE, "Complete", result="It is steep.")


@pytest.mark.parametrize("wrap", [lambda error: error, EventLoopException])
def test_an_exception_is_an_error_that_names_it(wrap):
    error = "ConnectionError: no route to the model"
    expected = RunOutcome(RunStatus.ERROR, error, error=error, reason=EndReason.AGENT_FAILED)
    assert failure(wrap(ConnectionError("no route to the model"))) == expected


def test_a_task_that_is_cancelled_is_a_cancelled_run():
    error = asyncio.CancelledError()
    assert failure(error) == CANCELLED


def test_an_agent_that_stops_after_a_cancel_request_is_cancelled_for_that_reason():
    asked = replace(CANCELLED, reason=EndReason.CANCEL_REQUESTED)
    assert outcome_of(stopped("cancelled"), Stop.CANCELLED) == asked
    assert failure(asyncio.CancelledError(), Stop.CANCELLED) == asked
    assert failure(RunStopped(), Stop.CANCELLED) == asked


def test_too_few_tokens_are_a_reason_to_stop_though_they_are_raised():
    error = "The agent stopped before it was done: max_tokens."
    outcome = failure(MaxTokensReachedException("too long"), said="It is st")
    assert outcome == RunOutcome(RunStatus.ERROR, error, result="It is st", error=error, reason=EndReason.AGENT_STOPPED)


def many(status, **nodes) -> MultiAgentResult:
    answers = {name: NodeResult(stopped("end_turn"), status=each) for name, each in nodes.items()}
    return MultiAgentResult(status, answers, interrupts=[Interrupt(id="i1", name="approve")])


def test_agents_that_have_completed_are_complete():
    result = many(Status.COMPLETED, survey=Status.COMPLETED)
    result.interrupts = []
    assert outcome_of(result) == RunOutcome(RunStatus.COMPLETE, "Complete", result="survey: It is steep.")


def test_agents_of_which_one_asks_are_waiting():
    outcome = outcome_of(many(Status.INTERRUPTED, survey=Status.INTERRUPTED))
    question = {"id": "i1", "name": "approve", "reason": None}
    assert outcome == RunOutcome(RunStatus.WAITING, "Waiting for an answer", metadata={"interrupts": [question]})


@pytest.mark.parametrize(
    ("result", "error", "kept", "reason"),
    [
        (many(Status.FAILED, survey=Status.FAILED, edit=Status.COMPLETED),
         "The agents stopped before they were done: survey failed.", "edit: It is steep.", EndReason.AGENT_FAILED),
        (many(Status.FAILED), "The agents stopped before they were done: failed.", None, EndReason.AGENT_FAILED),
        (many(Status.EXECUTING), "The agent stopped before it was done: executing.", None, EndReason.AGENT_STOPPED),
    ],
)  # fmt: skip
def test_agents_that_stop_otherwise_are_an_error_with_the_results_of_those_that_were_done(result, error, kept, reason):
    result.interrupts = []
    assert outcome_of(result) == RunOutcome(RunStatus.ERROR, error, result=kept, error=error, reason=reason)


def test_an_endless_exception_is_shortened():
    assert len(failure(ValueError("x" * 100_000)).error) == 2_000


def test_an_exception_without_a_text_is_named_by_its_type():
    class Mute(Exception):
        def __str__(self):
            raise ValueError

    assert failure(Mute()).error == "Mute"
