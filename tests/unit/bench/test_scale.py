"""The limits of many concurrent runs are computed from the sample, and the documents show what is computed.

The sample has 4 calls of the model of 8 s, 34 s in all, 16 steps, 16 invocations beside the agent's, 54 write and 36
read units. The four runs of its job take 96 s, and the job 104 s and 22 transitions.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench.demand import demand_of_samples
from bench.quotas import QUOTAS, hot_keys
from bench.scale import PAGES, PICTURE, picture, scale_tables
from bench.tables import table, with_tables

DEMAND = demand_of_samples()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_document_shows_what_is_computed(page: Path):
    text = page.read_text()
    assert text == with_tables(text, PAGES[page]()), "Run make scale."


def test_the_picture_shows_what_is_computed():
    assert PICTURE.read_text() == picture(), "Run make scale."
    ElementTree.fromstring(picture())


@pytest.mark.parametrize(
    ("what", "runs"),
    [
        ("Bedrock: tokens a minute", 212),  # 6,000,000 / (4 * (2,000 + 5 * 400) / 34 * 60)
        ("Lambda: concurrent executions", 955),  # 1,000 / (1 + 16 * 0.1 / 34)
        ("Lambda: synchronous requests", 113_333),  # 10,000 * 34 / 3
        ("AppSync: request tokens", 10_625),  # 5,000 * 34 / 16
        ("AppSync: connections", 6_800),  # 200 * 34
        ("AppSync: messages in", 21_250),  # 10,000 * 34 / 16
        ("AppSync: messages out", 2_125_000),
        ("DynamoDB: write units a second of a new table", 2_518),  # 4,000 * 34 / 54
        ("DynamoDB: write units a second of a table", 25_185),
        ("DynamoDB: read units", 37_777),  # 40,000 * 34 / 36
        ("EventBridge", 340_000),
        ("API Gateway", 113_333),
        ("Cognito", 432_000),  # 120 * 3,600
        ("Step Functions: StartExecution", 28_800),  # 300 * 96
        ("Step Functions: SendTaskSuccess", 12_000),  # 500 * 96 / 4
        ("Step Functions: state transitions", 25_263),  # 5,000 * 96 / 19
        ("Step Functions: open executions", 923_076),  # 1,000,000 * 96 / 104
    ],
)
def test_a_quota_suffices_for_so_many_runs(what: str, runs: int):
    [quota] = [quota for quota in QUOTAS if quota.what.startswith(what)]
    assert quota.reached_at(DEMAND) == runs


def test_each_quota_has_a_page_of_aws():
    for quota in QUOTAS:
        assert quota.source.startswith("https://docs.aws.amazon.com/"), quota.what


def test_the_keys_that_a_tenant_shares_suffice_for_so_many_runs():
    assert [hot.reached_at for hot in hot_keys(DEMAND)] == [
        2_820,  # 105 bytes for each open run and 8 KB for each unit: sqrt(3,000 * 34 * 8,192 / 105)
        7_846,  # 3,000 * 34 / 13 batches
        17_000,
        34_000,
    ]


def test_the_sizes_name_what_is_exceeded_and_the_price_of_a_month():
    rows = [row.strip("| ").split(" | ") for row in scale_tables()["sizes"].splitlines()[2:]]
    assert [row[2:5] for row in rows] == [
        ["0 of 17", "none", "10 s"],
        ["4 of 17", "Bedrock: tokens a minute of Claude Sonnet 4.6", "100 s"],
        ["16 of 17", "Bedrock: tokens a minute of Claude Sonnet 4.6", "10,000 s"],
    ]
    # 100 runs of 34 s are 7.6 million a month, at $0.527 and $48 for a thousand.
    assert rows[0][5:] == ["$4,000", "$370,000"]


def test_a_document_without_the_markers_is_refused():
    with pytest.raises(ValueError, match="the table sizes once"):
        with_tables("# Scale\n", {"sizes": table(("a",), [("b",)])})


def test_a_table_replaces_what_is_between_its_markers():
    text = "1\n<!-- a -->\nold\n<!-- /a -->\n2\n"
    new = table(("h", "i"), [("1", "2")])
    assert new == "| h | i |\n|---|---|\n| 1 | 2 |"
    assert with_tables(text, {"a": new}) == f"1\n<!-- a -->\n{new}\n<!-- /a -->\n2\n"
