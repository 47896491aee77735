"""What an agent declares is read from its file, and parameters are checked against it before anything is written."""

from __future__ import annotations

import ast

import pytest
from chalicelib.agents.declarations import declared_schema, takes_attachments
from chalicelib.runtime.request import require_declared

from runcast.errors import InvalidInput

SITE = {
    "type": "object",
    "properties": {"site": {"type": "string"}},
    "required": ["site"],
    "additionalProperties": False,
}


def declared(source: str):
    return declared_schema(ast.parse(source))


@pytest.mark.parametrize(
    "source",
    [
        f"PARAMETERS_SCHEMA = {SITE!r}",
        f"from typing import Any\nPARAMETERS_SCHEMA: dict[str, Any] = {SITE!r}",
        f"OTHER = PARAMETERS_SCHEMA = {SITE!r}",
        f"PARAMETERS_SCHEMA = {{}}\nPARAMETERS_SCHEMA = {SITE!r}",
    ],
)
def test_the_schema_is_what_the_file_assigns_at_last(source: str):
    assert declared(source) == SITE


@pytest.mark.parametrize(
    "source", ["", "PARAMETERS = {}", "PARAMETERS_SCHEMA: dict", "def f():\n    PARAMETERS_SCHEMA = {}"]
)
def test_a_file_that_assigns_none_declares_none(source: str):
    assert declared(source) is None


@pytest.mark.parametrize(
    "value", ["make()", "{'enum': SITES}", "[]", "True", "'{}'", "{1: 2}", "{'a': (1,)}", "{'a': 1e999}"]
)
def test_what_is_no_literal_of_json_is_refused(value: str):
    with pytest.raises(ValueError, match="PARAMETERS_SCHEMA must be a dict literal of JSON values"):
        declared(f"PARAMETERS_SCHEMA = {value}")


def test_a_schema_has_at_most_16_kb():
    assert declared(f"PARAMETERS_SCHEMA = {{'title': '{'é' * 8_000}'}}")
    with pytest.raises(ValueError, match="at most 16 KB"):
        declared(f"PARAMETERS_SCHEMA = {{'title': '{'é' * 8_192}'}}")


@pytest.mark.parametrize(
    ("parameters", "stated"),
    [
        ({}, "parameters: 'site' is a required property."),
        ({"site": 5}, "parameters.site: 5 is not of type 'string'."),
        (
            {"site": None, "n": 1},
            "parameters: Additional properties are not allowed ('n' was unexpected); "
            "parameters.site: None is not of type 'string'.",
        ),
    ],
)
def test_a_refusal_names_each_place_and_what_is_wrong(parameters: dict, stated: str):
    with pytest.raises(InvalidInput) as refused:
        require_declared(parameters, SITE, "terrain")
    assert str(refused.value) == f"The agent terrain does not accept these parameters. {stated}"


def test_what_fits_is_accepted_and_without_a_schema_everything():
    require_declared({"site": "here"}, SITE, "terrain")
    require_declared({"n": 1}, None, "terrain")


def test_a_refusal_is_short_whatever_is_refused():
    schema = {"additionalProperties": {"type": "string"}}
    with pytest.raises(InvalidInput) as refused:
        require_declared({f"{'n' * 1_000}{n}": ["v" * 1_000] for n in range(20)}, schema, "terrain")
    assert str(refused.value).endswith("; and 15 more.")
    assert len(str(refused.value)) < 4_000


@pytest.mark.parametrize(
    ("source", "takes"),
    [
        ("", False),
        ("ATTACHMENTS = True", True),
        ("ATTACHMENTS: bool = True", True),
        ("ATTACHMENTS = False", False),
        ("ATTACHMENTS = False\nATTACHMENTS = True", True),
        ("ATTACHMENTS: bool", False),
        ("def f():\n    ATTACHMENTS = True", False),
    ],
)
def test_an_agent_takes_attachments_if_its_file_says_so(source: str, takes: bool):
    assert takes_attachments(ast.parse(source)) is takes


@pytest.mark.parametrize("source", ["ATTACHMENTS = 1", "ATTACHMENTS = 'yes'", "ATTACHMENTS = not False"])
def test_anything_but_true_and_false_is_refused(source: str):
    with pytest.raises(ValueError, match="ATTACHMENTS must be True or False"):
        takes_attachments(ast.parse(source))
