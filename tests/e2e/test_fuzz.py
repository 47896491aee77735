"""Random requests to both APIs: none may fail on our side, and no answer may name the inside.

`make test` sends few, always the same; `make fuzz` sends FUZZ_CASES new ones to each API and prints the slowest answer.
"""

import json
import os
import re
import time
import uuid
from collections.abc import Callable
from typing import Any

import hypothesis_graphql
import pytest
import requests
import schemathesis
from graphql import print_schema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from local.appsync.schema import appsync_schema
from local.settings import ROOT
from runcast.record.model import Owner, RunStatus, Step
from runcast.record.store import End, RunStore
from tests.e2e.conftest import AGENT, DEADLINE_SECONDS, OPERATIONS

CASES = int(os.environ.get("FUZZ_CASES", "50"))
MAX_DEPTH = 200_000
# What only the inside knows. `AgentProgress` is a type of the API, too.
INSIDE = re.compile(
    r"Traceback|chalicelib|botocore|boto3|moto\b|arn:aws|/var/task|\w\.py\b|dynamodb|RecursionError|KeyError|TypeError|"
    r"recursion depth|user_sessions|runcast[-_](agent|api|run|progress|status|orchestrator)",
    re.IGNORECASE,
)
SCHEMA = schemathesis.openapi.from_path(ROOT / "docs" / "openapi.json")

texts = st.text(max_size=50)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=20)
depths = st.sampled_from([90, 101, 500, 990, 1_100, 5_000, 9_000, 50_000, MAX_DEPTH])
# As text, because Python's own writer fails on deep values, too.
deep_values = st.tuples(depths, st.sampled_from([("[", "]"), ('{"a":', "}")])).map(
    lambda given: given[1][0] * given[0] + "1" + given[1][1] * given[0]
)
any_values = values.map(json.dumps) | deep_values | st.sampled_from(["NaN", "1e400", '"\\ud800"', "9" * 5_000])


@pytest.fixture(scope="module")
def ended_run(stack, alice) -> str:
    """A run of Alice's that has ended: starting it again passes all checks of the input, and starts nothing."""
    store = RunStore(stack.client("dynamodb"), stack.state.outputs["agent_progress_table_name"])
    put = store.create(str(uuid.uuid4()), owner=Owner(alice.user.tenant, alice.user.user_id), agent=AGENT)
    store.end(put, Step("complete", "Done", 0.1, put.created_at_ms, 1), End(RunStatus.COMPLETE))
    return put.request_id


def send(cases: st.SearchStrategy[Any], answer: Callable[[Any], requests.Response]) -> None:
    """Send each case, and check what is answered."""
    slowest = (0.0, "")

    @settings(
        max_examples=CASES, derandomize=CASES < 1_000, deadline=None, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(cases)
    def each(case: Any) -> None:
        nonlocal slowest
        begun = time.monotonic()
        response = answer(case)
        slowest = max(slowest, (time.monotonic() - begun, repr(case)[:300]))
        assert response.status_code < 500, (response.status_code, response.text)
        assert "InternalFailure" not in response.text
        assert not INSIDE.search(response.text), response.text

    each()
    print(f"\nThe slowest of {CASES} answers took {slowest[0]:.2f} s: {slowest[1]}")  # noqa: T201 - make fuzz shows it


def test_no_request_to_rest_fails_on_our_side(stack, alice, ended_run):
    url, token = stack.state.outputs["rest_url"], {"Authorization": alice.id_token}
    operations = [each.ok() for each in SCHEMA.get_all_operations()]
    described = [
        operation.as_strategy(mode)
        for operation in operations
        for mode in GenerationMode
        if mode is GenerationMode.POSITIVE or operation.body or operation.query
    ]
    start = json.dumps({"agent": AGENT, "query": "q", "requestId": ended_run})
    bodies = st.one_of(
        any_values.map(lambda value: f'{start[:-1]}, "parameters": {value}}}'),
        any_values.map(lambda value: start.replace('"q"', value)),
        any_values,
        st.binary(max_size=100),
    )

    def answer(case: Any) -> requests.Response:
        if isinstance(case, schemathesis.Case):
            case.headers = dict(token)
            return case.call(base_url=url, timeout=DEADLINE_SECONDS)
        body = case if isinstance(case, bytes) else case.encode("utf-8", "surrogatepass")
        headers = token | {"Content-Type": "application/json"}
        return requests.post(f"{url}/runs", data=body, headers=headers, timeout=DEADLINE_SECONDS)

    send(st.one_of(*described, bodies), answer)


def test_no_request_to_graphql_fails_on_our_side(stack, alice, ended_run):
    url, token = stack.state.outputs["graphql_url"], {"Authorization": alice.id_token}
    schema = appsync_schema((ROOT / "graphql" / "schema.graphql").read_text())
    documents = hypothesis_graphql.from_schema(print_schema(schema)).map(lambda query: json.dumps({"query": query}))
    own = {
        file.stem: file.read_text() for file in OPERATIONS.glob("*.graphql") if "subscription" not in file.read_text()
    }
    names = ("agent", "query", "requestId", "parameters", "playbook", "jobId", "afterSeq", "limit", "cursor", "status")
    variables = st.dictionaries(st.sampled_from(names), any_values).map(
        lambda given: "{" + ", ".join(f'"{name}": {value}' for name, value in given.items()) + "}"
    )
    start = {"agent": AGENT, "query": "q", "requestId": ended_run}
    with_parameters = any_values.map(lambda value: json.dumps(start | {"parameters": value[:100_000]}))
    nested = depths.map(lambda depth: json.dumps({"query": "{a" * depth + "}" * depth}))
    bodies = st.one_of(
        documents,
        st.tuples(st.sampled_from(sorted(own)), variables).map(
            lambda given: f'{{"query": {json.dumps(own[given[0]])}, "variables": {given[1]}}}'
        ),
        with_parameters.map(lambda given: f'{{"query": {json.dumps(own["startAgentRun"])}, "variables": {given}}}'),
        nested,
        any_values,
        st.binary(max_size=100),
    )

    def answer(case: Any) -> requests.Response:
        body = case if isinstance(case, bytes) else case.encode("utf-8", "surrogatepass")
        headers = token | {"Content-Type": "application/json"}
        return requests.post(url, data=body, headers=headers, timeout=DEADLINE_SECONDS)

    send(bodies, answer)
