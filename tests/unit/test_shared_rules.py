"""Rules that the library, the resolvers and Terraform share: each language has its own copy, and they must agree."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from runcast import limits
from runcast.record.ids import canonical_id
from runcast.record.model import PUBLIC

ROOT = Path(__file__).parents[2]
IDS = json.loads((ROOT / "tests" / "vectors" / "ids.json").read_text())
SUBSCRIPTION = (ROOT / "graphql" / "resolvers" / "Subscription.onStatusUpdate.js").read_text()
PUBLISH = (ROOT / "graphql" / "resolvers" / "Mutation.publishStatus.js").read_text()
VARIABLES = (ROOT / "terraform" / "variables.tf").read_text()


@pytest.mark.parametrize("case", IDS, ids=lambda case: case["given"])
def test_an_id_has_the_spelling_of_the_vectors(case):
    assert canonical_id("requestId", case["given"]) == case["canonical"]


@pytest.mark.parametrize(
    ("source", "name", "value"),
    [
        (SUBSCRIPTION, "MAX_ID_CHARACTERS", limits.REQUEST_ID_MAX_CHARACTERS),
        (SUBSCRIPTION, "MAX_NAME_CHARACTERS", limits.NAME_MAX_CHARACTERS),
        (SUBSCRIPTION, "PUBLIC", PUBLIC.user_id),
        (PUBLISH, "MAX_INPUT_BYTES", limits.BATCH_MAX_BYTES),
    ],
)
def test_a_resolvers_constant_is_the_librarys_limit(source, name, value):
    (text,) = re.findall(rf"^const {name} = (.+);$", source, re.M)
    factors = [json.loads(factor.replace("'", '"')) for factor in text.split(" * ")]
    assert (factors[0] if len(factors) == 1 else factors[0] * factors[1]) == value


@pytest.mark.parametrize(
    ("variable", "least", "most"),
    [
        ("retention_hours", limits.RETENTION_MIN_HOURS, limits.RETENTION_MAX_HOURS),
        ("question_retention_hours", limits.QUESTION_RETENTION_MIN_HOURS, limits.QUESTION_RETENTION_MAX_HOURS),
        ("job_timeout_minutes", 1, limits.JOB_TIMEOUT_MAX_MINUTES),
        ("publish_batch_size", 1, limits.BATCH_MAX_MESSAGES),
    ],
)
def test_a_variables_bounds_are_the_librarys(variable, least, most):
    (bounds,) = re.findall(rf"condition += var\.{variable} >= (\d+) && var\.{variable} <= (\d+) ", VARIABLES)
    assert tuple(map(int, bounds)) == (least, most)


def test_an_event_that_waits_for_its_agent_is_dropped_before_its_run_reads_lost():
    functions = (ROOT / "terraform" / "lambda.tf").read_text()
    (age,) = re.findall(r'"agent" \{\n.*\n +maximum_event_age_in_seconds = (\d+)', functions)
    assert int(age) * 1000 < limits.QUEUED_LEASE_MS
