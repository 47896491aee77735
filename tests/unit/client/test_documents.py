import pytest

from runcast.client.documents import document
from tests.fakes.appsync_schema import FOLDER, document_of

OPERATIONS = [
    "startAgentRun",
    "startJob",
    "createUpload",
    "getAgentProgress",
    "answerAgentRun",
    "cancelAgentRun",
    "deleteMyRuns",
    "listAgentRuns",
    "listAgents",
    "listConversations",
    "getConversation",
    "deleteConversation",
    "onStatusUpdate",
    "operatorListRuns",
    "operatorGetProgress",
    "operatorCancelRun",
    "operatorDeleteRuns",
]


@pytest.mark.parametrize("name", OPERATIONS)
def test_is_the_document_that_other_frontends_are_given(name):
    assert document(name) == (FOLDER / "operations" / f"{name}.graphql").read_text()


@pytest.mark.parametrize("name", OPERATIONS)
def test_fits_the_schema(name):
    assert document_of(document(name))[1] == []
