import pytest
from graphql import build_schema, parse, validate

from runcast.client.documents import document
from tests.fakes.appsync import ROOT

OPERATIONS = [
    "startAgentRun",
    "startJob",
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
    assert document(name) == (ROOT / "graphql" / "operations" / f"{name}.graphql").read_text()


@pytest.mark.parametrize("name", OPERATIONS)
def test_fits_the_schema(name):
    prelude = (ROOT / "graphql" / "appsync.graphql").read_text()
    schema = build_schema(prelude + (ROOT / "graphql" / "schema.graphql").read_text())

    assert validate(schema, parse(document(name))) == []
