"""One run and one job, recorded on the local machine, from which the documents' costs and limits are computed.

They are kept in a file, so that the figures can be computed in seconds and compared by tests. `python -m
bench.record_samples` records them again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.costs import JobSeen

SAMPLES = Path(__file__).with_name("samples.json")


def sample_run() -> Mapping[str, Any]:
    """Return the item of a run of the agent `terrain` on a cold worker, as DynamoDB holds it."""
    item: Mapping[str, Any] = _samples()["run"]
    return item


def sample_job() -> JobSeen:
    """Return a job of the playbook `site-assessment`, on warm functions."""
    return JobSeen(**_samples()["job"])


def _samples() -> Mapping[str, Any]:
    samples: Mapping[str, Any] = json.loads(SAMPLES.read_text(encoding="utf-8"))
    return samples
