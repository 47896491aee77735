"""Listing and cancelling by the client: what it asks for, and what it makes of the answers."""

from __future__ import annotations

import pytest

from runcast.client.client import connect
from runcast.client.config import ClientConfig
from runcast.client.listed import CancelAnswer
from runcast.errors import InvalidInput
from runcast.record.model import RunStatus
from tests.fakes.appsync_records import listed
from tests.fakes.appsync_server import FakeAppSync


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
        assert await client.cancel("r1") == CancelAnswer("r1", RunStatus.IN_PROGRESS, "cancelling", None, None)
        with pytest.raises(InvalidInput, match="There is no such run"):
            await client.cancel("r2")


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
