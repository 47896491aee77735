import pytest

from bench.costs import costs_of_run

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
