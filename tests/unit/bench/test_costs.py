from pathlib import Path

import pytest

from bench.costs import costs_of_job, costs_of_run
from bench.samples import sample_job, sample_run

ROOT = Path(__file__).parents[3]

RUN = {
    "requestId": {"S": "r1"},
    "steps": {
        "L": [
            {"M": {"step": {"S": step}, "seq": {"N": str(seq)}}}
            for seq, step in enumerate(["thinking", "executing", "executed", "thinking", "complete"], start=1)
        ]
    },
}


def test_checkpoints_cost_a_put_and_a_write_for_each_turn_and_three_writes_for_each_tool_call():
    [added] = [row for row in costs_of_run(RUN) if "checkpointing" in row.what]
    dollars_per_million = 2 * (5.00 + 0.625) + 3 * 0.625
    assert added.repetitions[0][0] == pytest.approx(1000 * dollars_per_million / 1_000_000)


@pytest.mark.parametrize(
    ("document", "quoted", "row", "written"),
    [
        ("docs/costs.md", "instead of GraphQL saves {}", "started and read by REST", "$0.0015"),
        ("docs/costs.md", "which cost {} for a thousand\nruns", "live text", "$4.80"),
        ("docs/costs.md", "about {} for a thousand such runs", "with checkpointing", "$0.04"),
        ("docs/costs.md", "8,640 sweeps for abandoned runs, about {} with", "idle, a month", "$0.06"),
        ("docs/costs.md", "results of more than 64 KB in S3 costs {} for", "results in S3", "$0.0054"),
        ("docs/why.md", "without the model | {} |", "without the model", "$0.53"),
        ("docs/decisions/0023-channel.md", "of the {} of a thousand runs", "without the model", "$0.53"),
    ],
)
def test_a_document_quotes_what_is_computed(document: str, quoted: str, row: str, written: str):
    assert quoted.format(written) in (ROOT / document).read_text()
    computed = [*costs_of_run(sample_run()), *costs_of_job("", sample_job())[-1:]]
    [found] = [each for each in computed if row in each.what]
    value = found.repetitions[0][0]
    assert round(abs(value), len(written.partition(".")[2])) == float(written.removeprefix("$"))
