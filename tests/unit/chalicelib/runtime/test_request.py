"""Validation of requests for runs."""

from __future__ import annotations

import json

import pytest
from chalicelib.runtime.request import RunRequest, run_request

from runcast.errors import InvalidInput

GOOD = {"agent": "terrain", "query": "How steep is it?"}
AGENTS = ("elsewhere", "terrain")
PARAMETERS_LIMIT = 64 * 1024


def refusal(given) -> str:
    with pytest.raises(InvalidInput) as refused:
        run_request(given, AGENTS)
    return str(refused.value)


def test_agent_and_query_are_enough():
    assert run_request(GOOD, AGENTS) == RunRequest("terrain", "How steep is it?", {})


@pytest.mark.parametrize("parameters", [{"region": "north"}, '{"region": "north"}'])
def test_parameters_come_as_an_object_or_as_its_text(parameters):
    assert run_request(GOOD | {"parameters": parameters}, AGENTS).parameters == {"region": "north"}


@pytest.mark.parametrize(
    ("agent", "stated"), [("volcano", '"volcano"'), ("", '""'), (None, "null"), (7, "7"), ("registry", '"registry"')]
)
def test_an_unknown_agent_is_told_the_known_ones(agent, stated):
    assert refusal(GOOD | {"agent": agent}) == f"agent must be one of: elsewhere, terrain; not {stated}."


def test_an_agent_name_that_is_a_deep_list_is_refused_as_any_other():
    deep: list = []
    for _ in range(900):
        deep = [deep]
    assert refusal(GOOD | {"agent": deep}).startswith("agent must be one of: elsewhere, terrain; not [[[[")


def test_an_endless_agent_name_is_not_repeated_whole():
    assert len(refusal(GOOD | {"agent": "x" * 100_000})) < 300


@pytest.mark.parametrize("query", ["", " \n", "x" * 10_001, None, 5, ["How?"]])
def test_a_query_has_1_to_10000_characters(query):
    assert refusal(GOOD | {"query": query}) == "query must be text of 1 to 10,000 characters."


@pytest.mark.parametrize("query", ["x", "ä" * 10_000])
def test_queries_at_the_limits_are_taken(query):
    assert run_request(GOOD | {"query": query}, AGENTS).query == query


@pytest.mark.parametrize(
    "parameters",
    [[], "[]", "null", "7", 7, True, "no json", "", "[" * 50_000],
)
def test_parameters_are_a_json_object(parameters):
    assert refusal(GOOD | {"parameters": parameters}) == "parameters must be a JSON object."


def nested(levels):
    return '{"a":' * levels + "1" + "}" * levels


@pytest.mark.parametrize("as_text", [False, True])
@pytest.mark.parametrize(
    ("parameters", "path", "reason"),
    [
        ('{"rows": [1, {"speed": NaN}]}', "rows[1].speed", "NaN"),
        ('{"a": 1e400}', "a", "Infinity"),
        ('{"a": -1e400}', "a", "-Infinity"),
        (f'{{"a": 1{"0" * 400}}}', "a", "a number beyond 1.8e308"),
        ('{"a": "half \\ud83d"}', "a", "half a surrogate pair"),
        (f'{{"deep":{nested(100)}}}', "deep.a.a", "nested deeper than 100"),
    ],
)
def test_what_other_readers_of_json_refuse_is_refused_by_its_path(parameters, path, reason, as_text):
    given = parameters if as_text else json.loads(parameters)
    message = refusal(GOOD | {"parameters": given})
    assert message.startswith(f"parameters.{path}")
    assert f" is {reason}, which is no JSON. Numbers must be finite" in message
    assert len(message) < 400


def test_an_integer_of_more_digits_than_python_reads_is_refused_by_its_path():
    message = refusal(GOOD | {"parameters": f'{{"a": [-1{"0" * 5_000}]}}'})
    assert message.startswith("parameters.a[0] is -Infinity, which is no JSON.")


def test_parameters_may_be_nested_100_deep():
    assert run_request(GOOD | {"parameters": nested(100)}, AGENTS).parameters == json.loads(nested(100))


def test_two_halves_of_a_character_are_taken_as_that_character():
    assert run_request(GOOD | {"parameters": {"a": "\ud83d\ude00"}}, AGENTS).parameters == {"a": "\U0001f600"}


def test_a_query_that_holds_half_a_character_is_refused():
    assert (
        refusal(GOOD | {"query": "Where? \ud83d"}) == "query must be well-formed text: it holds half a surrogate pair."
    )


def test_parameters_at_the_limit_are_taken():
    filler = "x" * (PARAMETERS_LIMIT - len('{"a":""}'))
    assert run_request(GOOD | {"parameters": {"a": filler}}, AGENTS).parameters == {"a": filler}
    assert run_request(GOOD | {"parameters": json.dumps({"a": filler}, separators=(",", ":"))}, AGENTS)


@pytest.mark.parametrize("as_text", [False, True])
@pytest.mark.parametrize("letter", ["x", "ä"])
def test_parameters_over_64_kb_are_refused(letter, as_text):
    parameters = {"a": letter * PARAMETERS_LIMIT}
    given = json.dumps(parameters, ensure_ascii=False) if as_text else parameters
    assert refusal(GOOD | {"parameters": given}) == "parameters must be at most 64 KB as JSON."
