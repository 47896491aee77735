"""One result of many outputs, its summary, and its place of storage."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from chalicelib.orchestrator.outputs import latest_runs
from chalicelib.orchestrator.playbook import Entry
from chalicelib.orchestrator.synthesizer import PROMPT_MAX_CHARACTERS, SUMMARY_MAX_BYTES, merged

from runcast.errors import Unavailable
from runcast.record.model import RunStatus
from tests.fakes.own_playbooks import own_playbooks
from tests.fakes.secrets import SECRETS, check_told
from tests.unit.chalicelib.orchestrator.conftest import JOB_ID, Machine, fact, output, put_job


def refusal(code):
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "Converse")


@pytest.mark.parametrize(
    ("survey", "report", "conflict"),
    [
        (fact(2.0, "degrees"), fact(2.0 + 1e-9, "degrees"), False),
        (fact(2.0, "degrees"), fact(2.1, "degrees"), True),
        (fact(2, "degrees"), fact(2, "percent"), True),
        (fact("north"), fact("north"), False),
        (fact("north"), fact("south"), True),
    ],
)
def test_equally_named_facts_that_disagree_are_a_conflict(machine, survey, report, conflict):
    both = [output(slope=survey)]
    job = machine({"east": both, "west": both, "report": [output(slope=report)]})
    job.run()
    names = {"east": survey, "west": survey, "report": report}
    expected = {
        "fact": "slope",
        "values": {name: each["value"] for name, each in names.items()},
        "units": {name: each["unit"] for name, each in names.items()},
    }
    assert job.own.result["conflicts"] == ([expected] if conflict else [])


def entries(**agents):
    """Entries of a playbook: agent, parameters and what it reads, by name."""
    return {
        name: Entry(name, agent, "?", parameters, reads, 60, True, ())
        for name, (agent, parameters, reads) in agents.items()
    }


@pytest.mark.parametrize(
    ("playbook", "conflict"),
    [
        (entries(a=("survey", {}, ()), b=("survey", {}, ())), {"a", "b"}),  # asked twice
        (entries(a=("survey", {"side": 1}, ()), b=("survey", {"side": 2}, ())), set()),
        (entries(a=("survey", {}, ()), b=("lidar", {"side": 2}, ())), {"a", "b"}),
        (
            entries(
                a=("layout", {"spacing": 4}, ()),
                b=("layout", {"spacing": 7}, ()),
                c=("simulation", {}, ("a",)),
                d=("simulation", {}, ("b",)),
            ),
            {"a", "c"},  # d is at odds with a, but has worked on b
        ),
    ],
)
def test_alternatives_are_no_conflict(playbook, conflict):
    values = {"a": 1, "b": 2, "c": 3, "d": 2}
    runs = {name: SimpleNamespace(result=output(n=fact(values[name])), request_id=name) for name in playbook}
    conflicts = merged(playbook, runs)["conflicts"]
    assert {name for each in conflicts for name in each["values"]} == conflict


def test_the_model_is_told_the_question_and_what_was_found(machine):
    job = machine()
    job.run()
    [asked] = job.model.asked
    [content] = asked["messages"][0]["content"]
    assert content["text"].split("\n\n") == [
        "The question: Is it flat?",
        'Facts of east: {"slope": {"value": 2, "unit": "degrees"}}',
        "What east says: flat",
        'Facts of west: {"slope": {"value": 2, "unit": "degrees"}}',
        "What west says: flat",
        "What report says: It is flat.",
    ]
    assert (asked["modelId"], asked["inferenceConfig"]) == ("m", {"maxTokens": 1500})


def test_what_the_model_is_told_is_bounded(machine):
    long = output("x" * 60_000, **{f"f{n}": fact(n) for n in range(100)}, slope=fact(1))
    job = machine({"east": [long], "west": [long], "report": ["x" * 60_000]})
    then = job.load()
    for name in ("east", "west"):
        job.invoke(then["playbook"], {"name": name, "attempt": 1})
    job.agents.outputs["report"] = ["x" * 60_000]
    playbook = json.loads(json.dumps(then["playbook"]))
    playbook["stages"][1]["agents"][0]["reads"] = []  # what it reads would be over a run's limit
    job.invoke(playbook, {"name": "report", "attempt": 1})
    job.synthesize(playbook)
    [content] = job.model.asked[0]["messages"][0]["content"]
    assert PROMPT_MAX_CHARACTERS / 3 < len(content["text"]) <= PROMPT_MAX_CHARACTERS + 500


def test_a_long_summary_is_shortened_visibly(machine):
    job = machine()
    job.model.answer = "ä" * 10_000
    job.run()
    summary = job.own.result["summary"]
    assert SUMMARY_MAX_BYTES - 50 < len(json.dumps(summary, ensure_ascii=False).encode()) <= SUMMARY_MAX_BYTES
    assert summary.endswith("… [shortened from 10000 characters]")


@pytest.mark.parametrize(
    "error", [refusal("ThrottlingException"), ReadTimeoutError(endpoint_url="https://bedrock")], ids=["busy", "silent"]
)
def test_a_model_that_does_not_answer_is_asked_again(machine, error):
    job = machine()
    job.model.errors = [error]
    assert job.run()["status"] == "complete"
    assert (len(job.model.asked), job.spent) == (2, [420])


def test_a_model_that_is_busy_says_so(machine):
    job = machine()
    playbook = job.load()["playbook"] | {"stages": []}
    job.model.errors = [refusal("ThrottlingException")]
    with pytest.raises(Unavailable) as busy:
        job.synthesize(playbook)
    assert str(busy.value) == "The model did not write the summary (ThrottlingException). Try again."


def test_a_model_that_refuses_ends_the_job(machine):
    job = machine()
    job.model.errors = [refusal("AccessDeniedException")]
    error = "The model did not write the summary (AccessDeniedException)."
    assert job.run() == {"status": "error", "error": error}
    assert [run.status for run in (job.run_of("east"), job.run_of("report"))] == ["complete", "complete"]


@pytest.mark.parametrize(
    ("answer", "reason"), [("No.", "guardrail_intervened"), ("No.", "content_filtered"), (" ", "end_turn")]
)
def test_a_model_that_says_nothing_ends_the_job(machine, answer, reason):
    job = machine()
    job.model.answer, job.model.stop_reason = answer, reason
    assert job.run()["error"] == f"The model did not write the summary: it stopped at {reason}."
    assert job.spent == [420]


def test_a_summary_holds_no_secret_in_the_state_machines_history(machine):
    job = machine()
    loaded = job.load()
    for stage in (loaded["agents"], [{"name": "report", "attempt": 1}]):
        for agent in stage:
            job.item(loaded["playbook"], agent)
    job.model.answer = f"before {SECRETS['Anthropic']} after"
    check_told(job.synthesize(loaded["playbook"])["summary"])


def big(texts):
    """A playbook whose agents have put out these many texts of 60 KB, none of which reads the others."""
    names = [f"a{n}" for n in range(texts)]
    agents = [{"name": name, "agent": "survey", "query": "?"} for name in names]
    return names, {"description": "Big.", "stages": [{"name": "all", "agents": agents}]}


def test_all_outputs_are_read_by_one_request(store, clock, tmp_path, dynamodb):
    names, playbook = big(3)
    with own_playbooks(tmp_path, {"big": playbook}):
        put_job(store, "big")
        job = Machine(store, clock, {name: ["x" * 40_000] for name in names}, playbook="big")
        job.run()
    asked = []

    def note(model, **_):
        asked.append(model.name)

    dynamodb.meta.events.register("before-call.dynamodb", note)
    try:
        runs = latest_runs(store, job.job, names)
    finally:
        dynamodb.meta.events.unregister("before-call.dynamodb", note)
    assert asked == ["BatchGetItem"]
    assert {name: len(run.result) for name, run in runs.items()} == dict.fromkeys(names, 40_000)


@pytest.mark.parametrize(("texts", "kept"), [(1, "inline"), (2, "bucket"), (18, "nowhere")])
def test_a_result_is_kept_whole_or_not_at_all(store, clock, tmp_path, texts, kept):
    names, playbook = big(texts)
    with own_playbooks(tmp_path, {"big": playbook}):
        put_job(store, "big")
        job = Machine(store, clock, {name: ["x" * 60_000] for name in names}, playbook="big")
        said = job.run()
    own = job.own
    if kept == "inline":
        assert (own.result["texts"], own.result_key, job.bucket) == ({"a0": "x" * 60_000}, None, {})
    elif kept == "bucket":
        key = f"results/{JOB_ID}.json"
        assert (own.status, own.result, own.result_key) == (RunStatus.COMPLETE, None, key)
        assert json.loads(job.bucket["results", key])["texts"] == dict.fromkeys(names, "x" * 60_000)
    else:
        assert said == {"status": "error", "error": "The result is 1056 KB; the maximum is 1024 KB."}
        assert (own.result, own.result_key, job.bucket) == (None, None, {})
        assert job.run_of("a17").result == "x" * 60_000


@pytest.mark.parametrize(("code", "tried_again"), [("SlowDown", True), ("AccessDenied", False)])
def test_a_bucket_that_fails(store, clock, tmp_path, code, tried_again):
    names, playbook = big(2)
    with own_playbooks(tmp_path, {"big": playbook}):
        put_job(store, "big")
        job = Machine(store, clock, {name: ["x" * 60_000] for name in names}, playbook="big")
        put, errors = job.put_object, [ClientError({"Error": {"Code": code, "Message": "no"}}, "PutObject")]

        def put_object(**request):
            if errors:
                raise errors.pop()
            put(**request)

        job.put_object = put_object
        said = job.run()
    if tried_again:
        assert (said["status"], len(job.bucket)) == ("complete", 1)
    else:
        assert said == {"status": "error", "error": "The result could not be saved (AccessDenied)."}


def test_what_others_have_caught_is_said(machine):
    job = machine()
    job.load()
    said = job.save(failure={"Error": "States.Timeout", "Cause": "It took an hour."})
    assert said == {"status": "error", "error": "States.Timeout: It took an hour."}
    assert job.save(error="something else") == said
    assert [step.step for step in job.own.steps] == ["loading_agents", "error"]


def test_a_job_begins_only_if_each_agents_schema_accepts_the_parameters_of_entry_and_job(machine):
    job = machine(parameters={"region": "north", "depth": 3})
    job.parameters_schema = {"survey": {"properties": {"depth": {"type": "string"}}}}.get
    error = "The agent east does not accept these parameters. parameters.depth: 3 is not of type 'string'."
    assert job.run() == {"status": "error", "error": error}
    assert [step.step for step in job.own.steps] == ["loading_agents", "error"]
    assert job.agents.events == []


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"playbook": "volcano"}, "playbook must be one of: two-stages."),
        ({"parameters": {}}, "parameters must have: region (for the query of east)."),
    ],
)
def test_a_job_that_cannot_begin_ends_with_the_reason(machine, given, error):
    job = machine(**given)
    assert job.run() == {"status": "error", "error": error}
    assert [step.step for step in job.own.steps] == ["loading_agents", "error"]
    assert job.agents.events == []
