"""Counting, by log lines in CloudWatch's embedded metric format: no request, no library, no permission.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

from runcast.clock import epoch_ms

NAMESPACE = "Runcast"


def count(name: str, value: int, *, now_ms: Callable[[], int] = epoch_ms, **dimensions: str) -> None:
    """Count `value` more of the metric `name`, under the given dimensions.

    Args:
        name: The metric, in PascalCase.
        value: How many.
        now_ms: The wall clock.
        **dimensions: Names, in PascalCase, and values; all of them together make one time series.
    """
    line = {
        "_aws": {
            "Timestamp": now_ms(),
            "CloudWatchMetrics": [
                {
                    "Namespace": NAMESPACE,
                    "Dimensions": [list(dimensions)],
                    "Metrics": [{"Name": name, "Unit": "Count"}],
                }
            ],
        },
        **dimensions,
        name: value,
    }
    sys.stdout.write(json.dumps(line) + "\n")
