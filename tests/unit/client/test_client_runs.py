"""Listing, answering and cancelling by the client: what it sends, and what it returns."""

from __future__ import annotations

from typing import Any

import pytest

from runcast.client.client import connect
from runcast.client.config import ClientConfig
from runcast.client.listed import RunState
from runcast.client.patience import Patience
from runcast.client.question import Question
from runcast.errors import Conflict, InvalidInput, TooManyRequests
from runcast.record.model import RunStatus
from tests.fakes.appsync import FakeAppSync
from tests.fakes.appsync_records import ServiceError, listed


@pytest.mark.parametrize(
    ("limit", "found", "asked"),
    [
        (None, 5, [(None, None), (None, "2"), (None, "4")]),
        (1, 1, [(1, None)]),
        (2, 2, [(2, None)]),
        (3, 3, [(3, None), (1, "2")]),
        (100, 5, [(50, None), (50, "2"), (50, "4")]),
    ],
)
async def test_runs_are_read_page_by_page_and_no_further_than_asked(
    server: FakeAppSync, config: ClientConfig, limit: int | None, found: int, asked: list
):
    server.listed, server.page_runs = [listed(f"r{number}") for number in range(5)], 2

    async with connect(config) as client:
        runs = [run async for run in client.runs(limit=limit)]

    assert [run.request_id for run in runs] == [f"r{number}" for number in range(found)]
    assert server.lists == asked


async def test_a_cancel_says_how_the_run_stands(server: FakeAppSync, config: ClientConfig):
    server.has_run("r1")
    server.liveness = "cancelling"

    async with connect(config) as client:
        assert await client.cancel("r1") == RunState("r1", RunStatus.IN_PROGRESS, "cancelling", None, None)
        with pytest.raises(InvalidInput, match="There is no such run"):
            await client.cancel("r2")


async def test_a_waiting_run_shows_its_questions_and_is_answered(server: FakeAppSync, config: ClientConfig):
    server.has_run("r1")
    server.record("init")
    server.ask({"id": "i1", "name": "approve", "reason": {"costs": 5}}, {"id": "i2", "name": "where"})
    answers = {"i1": True, "i2": "Here: 你好"}

    async with connect(config) as client:
        asked = await client.show("r1")
        assert asked.questions == (Question("i1", "approve", {"costs": 5}), Question("i2", "where", None))
        assert await client.answer("r1", answers) == RunState("r1", RunStatus.IN_PROGRESS, "live", None, None)
        assert (await client.show("r1")).questions == ()
        with pytest.raises(InvalidInput, match="There is no such run"):
            await client.answer("r2", answers)
    assert server.answered == ['{"i1":true,"i2":"Here: 你好"}'] * 2


async def test_an_answer_is_sent_again_until_it_is_served_or_refused(server: FakeAppSync, config: ClientConfig):
    server.has_run("r1")
    server.answer_errors = [ServiceError("Unavailable", "Later."), ServiceError("Conflict", "It is complete.")]
    retries: list[str] = []

    async with connect(config, patience=Patience(poll=0.01, retry_first=0.01), notify=retries.append) as client:
        with pytest.raises(Conflict, match="It is complete"):
            await client.answer("r1", {"i1": 1})
    assert (server.answered, len(retries)) == (['{"i1":1}'] * 2, 1)


@pytest.mark.parametrize("info", [{"retryAfter": 12}, {"retryAfter": "soon"}, {}, None])
async def test_a_start_over_a_limit_says_when_to_try_again(
    server: FakeAppSync, config: ClientConfig, info: dict[str, Any] | None
):
    server.start_error = ServiceError("TooManyRequests", "A user may start 60 runs and jobs a minute.", info)

    async with connect(config) as client:
        with pytest.raises(TooManyRequests, match="A user may start 60") as refused:
            assert [step async for step in client.run("terrain", "Where?")] == []
    assert refused.value.retry_after_seconds == (12 if info == {"retryAfter": 12} else 60)


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (["yes"], "answers must be a JSON object."),
        ({"i1": float("nan")}, "answers.i1 is NaN, which is no JSON."),
        ({"i1": "中" * 22_000}, "answers must be at most 64 KB as JSON."),
    ],
)
async def test_answers_that_are_no_json_are_refused_unsent(
    server: FakeAppSync, config: ClientConfig, answers: Any, message: str
):
    async with connect(config) as client:
        with pytest.raises(InvalidInput, match=message):
            await client.answer("r1", answers)
    assert server.answered == []


@pytest.mark.parametrize("asked", [None, {"shortened": True, "bytes": 70_000}, [{"name": "no id"}, "no object"]])
def test_what_is_no_question_is_left_out(asked: Any):
    assert Question.all_in({"interrupts": asked}) == ()


async def test_a_watch_asks_for_an_id_as_the_api_spells_it(server: FakeAppSync, config: ClientConfig):
    request_id = "6f1c9d3e-52f0-4b57-9a38-0c4f6f6f2a11"
    async with connect(config) as client:
        for watch in (
            client.watch(request_id.upper()),
            client.run("terrain", "?", request_id=request_id.upper()),
            client.job("site-assessment", "?", job_id=request_id.upper()),
        ):
            assert watch.request_id == request_id
        with pytest.raises(InvalidInput, match="requestId must be text"):
            client.watch("a#b")
