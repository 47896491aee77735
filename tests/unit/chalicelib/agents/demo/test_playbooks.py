"""The shipped playbooks: their agents are run in their order, and what comes out fits what each must contain."""

from __future__ import annotations

import json
from pathlib import Path
from string import Template

import pytest
from chalicelib.agents import demo, registry
from jsonschema import Draft202012Validator

from tests.unit.chalicelib.agents.demo.conftest import values

FOLDER = Path(demo.__file__).parent / "playbooks"
PLAYBOOKS = sorted(path.stem for path in FOLDER.glob("*.json"))


def entries(playbook):
    for stage in playbook["stages"]:
        for entry in stage["agents"]:
            yield stage["name"], entry.get("name", entry["agent"]), entry


@pytest.fixture(scope="module", params=PLAYBOOKS)
def playbook(request):
    return json.loads((FOLDER / f"{request.param}.json").read_text())


@pytest.fixture(scope="module")
def results(playbook, result_of):
    results = {}
    for _, name, entry in entries(playbook):
        inputs = {read: results[read] for read in entry.get("reads", ())}
        query = Template(entry["query"]).substitute(query="A site for 40 MW?")
        results[name] = result_of(entry["agent"], query, **entry.get("parameters", {}), inputs=inputs)
    return results


def breaks(rule, facts, others):
    match rule:
        case {"kind": "required", "facts": names}:
            return not set(names) <= facts.keys()
        case {"kind": "range", "fact": fact, "minimum": low, "maximum": high}:
            return not low <= facts[fact]["value"] <= high
        case {"kind": "unit", "fact": fact, "unit": unit}:
            return facts[fact]["unit"] != unit
        case {"kind": "agreement", "fact": fact, "with": other, "tolerance": tolerance}:
            mine, theirs = facts[fact]["value"], others[other]["facts"][fact]["value"]
            return abs(mine - theirs) > tolerance * abs(theirs)
    raise AssertionError(f"no such rule: {rule}")


def test_there_are_two():
    assert PLAYBOOKS == ["compare-layouts", "site-assessment"]


def test_it_names_agents_that_are_there_and_reads_what_came_before(playbook):
    done = {}
    for stage, name, entry in entries(playbook):
        assert entry["agent"] in registry.names()
        assert name not in done
        assert all(done[read] != stage for read in entry.get("reads", ()))
        done[name] = stage


def test_what_comes_out_fits(playbook, results):
    for _, name, entry in entries(playbook):
        Draft202012Validator.check_schema(entry["output"]["schema"])
        Draft202012Validator(entry["output"]["schema"]).validate(results[name])
        for rule in entry["output"]["rules"]:
            assert not breaks(rule, results[name]["facts"], results), (name, rule)


def test_an_empty_result_does_not_fit(playbook):
    for _, _, entry in entries(playbook):
        assert not Draft202012Validator(entry["output"]["schema"]).is_valid("a text without facts")


@pytest.mark.parametrize("playbook", ["site-assessment"], indirect=True)
def test_every_kind_of_rule_is_used(playbook):
    rules = [rule["kind"] for _, _, entry in entries(playbook) for rule in entry["output"]["rules"]]
    assert set(rules) == {"required", "range", "unit", "agreement"}


@pytest.mark.parametrize("playbook", ["compare-layouts"], indirect=True)
def test_of_three_layouts_the_one_with_the_most_energy_is_reported(results):
    energies = {spacing: values(results[f"simulation-{spacing}d"])["net_annual_energy"] for spacing in (4, 5, 7)}
    assert len(set(energies.values())) == 3
    report = values(results["report"])
    best = max(energies, key=energies.get)
    assert (report["best_layout"], report["best_net_annual_energy"]) == (f"layout-{best}d", energies[best])
