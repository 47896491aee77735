"""The limits of one user on the real stack, where AppSync calls the starter once for each alias of a request."""

import collections
import json
import uuid

from local.users import create_user
from tests.e2e.conftest import AGENT, Caller, environment_of

ALIASES = 20
STARTS_PER_MINUTE = 2


def test_each_alias_of_a_request_counts_as_a_start(stack):
    caller = newcomer(stack)
    start = f'startAgentRun(agent: "{AGENT}", query: "Where?") {{ requestId }}'
    document = "mutation { " + " ".join(f"start{number}: {start}" for number in range(ALIASES)) + " }"
    starter = stack.state.outputs["run_starter_function_name"]
    with environment_of(stack, starter, LIMITS=json.dumps({"user_starts_per_minute": STARTS_PER_MINUTE})):
        answer = caller.post(document).json()
    refused = collections.Counter(error["errorType"] for error in answer["errors"])
    started = [run["requestId"] for run in answer["data"].values() if run]
    assert refused == {"TooManyRequests": ALIASES - len(started)}
    # A minute may end in between.
    assert STARTS_PER_MINUTE <= len(started) <= 2 * STARTS_PER_MINUTE
    assert sorted(run["requestId"] for run in caller.get("listAgentRuns")["runs"]) == sorted(started)


def newcomer(stack) -> Caller:
    """A user who has not started anything in this minute."""
    name, password = f"aliases-{uuid.uuid4()}", "Aa1!" + uuid.uuid4().hex
    pool = stack.state.outputs["user_pool_id"]
    return Caller(stack, create_user(stack.client("cognito-idp"), pool, name, "acme", password))
