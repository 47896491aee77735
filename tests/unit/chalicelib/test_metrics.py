"""A metric is one line of embedded metric format."""

from __future__ import annotations

import json

from chalicelib import metrics


def test_a_count_is_one_line(capsys):
    metrics.count("StatusNotPublished", 3, now_ms=lambda: 1_700_000_000_000, ApiId="api1", Reason="failed")
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert json.loads(out) == {
        "_aws": {
            "Timestamp": 1_700_000_000_000,
            "CloudWatchMetrics": [
                {
                    "Namespace": "Runcast",
                    "Dimensions": [["ApiId", "Reason"]],
                    "Metrics": [{"Name": "StatusNotPublished", "Unit": "Count"}],
                }
            ],
        },
        "ApiId": "api1",
        "Reason": "failed",
        "StatusNotPublished": 3,
    }
