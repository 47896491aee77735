"""A waiting run survives a restart of everything around it, and is answered afterwards."""

import pytest

from local.settings import Settings
from local.stack import LocalStack
from tests.e2e.conftest import Caller
from tests.e2e.test_answers import ASKING_AGENT, OverGraphql, start, until_it_asks


@pytest.fixture
def stack(tmp_path):
    agents = tmp_path / "agents"
    agents.mkdir()
    (agents / "buyer.py").write_text(ASKING_AGENT)
    settings = Settings(port=0, model_port=0, directory=tmp_path / "stack", agents=agents, keeps_state=True)
    with LocalStack(settings) as stack:
        yield stack


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_run_that_waits_is_answered_after_a_restart(stack):
    alice, address = Caller(stack, stack.state.users[0]), stack.state.endpoint.url
    request_id = start(alice)
    waiting, question = until_it_asks(alice, request_id)
    stack.restart()
    assert stack.state.endpoint.url == address
    alice = Caller(stack, stack.state.users[0])  # signed in again
    assert alice.read(request_id) == waiting | {"liveness": "live"}
    answered = OverGraphql(stack).answer(alice, request_id, {question["id"]: "yes"})
    assert (answered["success"], answered["status"]) == (True, "in_progress")
    ended = alice.read_to_its_end(request_id)
    assert (ended["status"], ended["steps"][: len(waiting["steps"])]) == ("complete", waiting["steps"])
