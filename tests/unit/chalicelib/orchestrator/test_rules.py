"""Each kind of rule, with an output that fails it and no other, and the exact words."""

from __future__ import annotations

import pytest
from chalicelib.orchestrator.playbook import Playbook
from chalicelib.orchestrator.rules import output_faults

from tests.unit.chalicelib.orchestrator.conftest import fact, output

SCHEMA = {"type": "object", "properties": {"text": {"type": "string", "minLength": 3}}, "required": ["text"]}
RULES = [
    {"kind": "required", "facts": ["cells"]},
    {"kind": "range", "fact": "share", "minimum": 0, "maximum": 1},
    {"kind": "unit", "fact": "energy", "unit": "GWh"},
    {"kind": "agreement", "fact": "spacing", "with": "layout", "tolerance": 0.01},
]
GOOD = output("good", cells=fact(5), share=fact(0.5), energy=fact(600, "GWh"), spacing=fact(560, "m"))
LAYOUT = {"spacing": fact(561, "m")}


def entry(rules=RULES, schema=SCHEMA):
    agent = {"agent": "survey", "query": "?", "output": {"schema": schema, "rules": rules}}
    return Playbook.of({"name": "p", "stages": [{"name": "s", "agents": [agent]}]}).entries["survey"]


def faults(result, layout=LAYOUT, **about):
    return output_faults(entry(**about), result, {"layout": layout})


def but(**facts):
    changed = {name: value for name, value in {**GOOD["facts"], **facts}.items() if value is not None}
    return {**GOOD, "facts": changed}


def test_a_good_output_has_no_fault():
    assert faults(GOOD) == []


@pytest.mark.parametrize(
    ("result", "fault"),
    [
        (GOOD | {"text": "no"}, "$.text: 'no' is too short"),
        (but(cells=None), "the fact cells is missing"),
        (but(share=fact(1.2)), "the fact share must be at most 1, but is 1.2"),
        (but(share=fact(-0.1)), "the fact share must be at least 0, but is -0.1"),
        (but(share=fact("half")), 'the fact share must be a number, but is "half"'),
        (but(share=fact(True)), "the fact share must be a number, but is true"),
        (but(energy=fact(600, "MWh")), "the fact energy must be in GWh, but is in MWh"),
        (but(energy=fact(600)), "the fact energy must be in GWh, but has no unit"),
        (but(spacing=fact(600, "m")),
         "the fact spacing must agree with that of layout within 0.01, but is 600 m instead of 561 m"),
        (but(spacing=fact(560, "km")),
         "the fact spacing must agree with that of layout within 0.01, but is 560 km instead of 561 m"),
        (but(share=None), "the fact share is missing"),
    ],
)  # fmt: skip
def test_each_rule_is_failed_alone(result, fault):
    assert faults(result) == [f"survey: {fault}"]


def test_a_fact_that_the_other_lacks_cannot_agree():
    assert faults(GOOD, layout={}) == ["survey: the fact spacing must agree with that of layout, which has none"]


def test_a_missing_fact_is_named_once_whichever_rules_look_at_it():
    rules = [{"kind": "required", "facts": ["a", "b"]}, {"kind": "range", "fact": "a", "minimum": 0}]
    assert faults("only text", rules=rules, schema=True) == [
        "survey: the fact a is missing", "survey: the fact b is missing",
    ]  # fmt: skip


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_finite_number_is_in_no_range(value):
    assert len(faults(but(share=fact(value)))) == 1


def test_facts_that_are_no_numbers_agree_when_they_are_equal():
    rules = [{"kind": "agreement", "fact": "turbine", "with": "layout", "tolerance": 0.5}]
    about = {"rules": rules, "schema": True, "layout": {"turbine": fact({"a": 1, "b": 2})}}
    assert faults(output(turbine=fact({"b": 2, "a": 1})), **about) == []
    assert len(faults(output(turbine=fact("V80")), **about)) == 1


def test_a_long_value_is_shortened_in_the_complaint():
    [fault] = faults(but(share=fact("x" * 10_000)))
    assert len(fault) < 300
