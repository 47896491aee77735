"""Checks what Lambda reports of each invocation: the memory that it used, and how long a cold start took.

The local machine cannot tell either, so the module's memory sizes are estimates until this has run on AWS.
"""

from __future__ import annotations

import re
import statistics
import time
from dataclasses import dataclass
from typing import Any

from verify.expecting import NotApplicable, expect, until
from verify.observability import allowed
from verify.verification import Figure, Verification

_SINCE_SECONDS = 3600
_REPORT_SECONDS = 90  # until a line can be read
_MEMORY_SHARE_MAX = 0.9
# Source: https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html
_REPORT = re.compile(
    r"REPORT RequestId: .*\sMemory Size: (\d+) MB\s+Max Memory Used: (\d+) MB(?:\s+Init Duration: ([\d.]+) ms)?"
)


@dataclass(frozen=True)
class _Reports:
    """What Lambda reported of a function's invocations with its current memory.

    Attributes:
        size_mb: The function's memory.
        used_mb: The most that an invocation used.
        starts_ms: How long Lambda initialized each new environment.
    """

    size_mb: int
    used_mb: int
    starts_ms: tuple[float, ...]

    def __str__(self) -> str:
        used = f"{self.used_mb} of {self.size_mb} MB"
        starts = self.starts_ms
        return f"{used}, cold p50 {statistics.median(starts):.0f} ms ({len(starts)})" if starts else used


async def memory(v: Verification) -> str:
    """No function has used nearly all of its memory in the last hour. Measures memory and cold starts."""
    if v.aws.emulated:
        raise NotApplicable("AWS_ENDPOINT_URL names an emulation, which does not know what a function used")
    reader = v.deployment.progress_reader_function_name  # other checks have asked it
    what = f"a report of memory in the log of {reader}"
    of_reader = await until(lambda: _reports(v, reader), what, seconds=_REPORT_SECONDS)
    reported = {name: of_reader if name == reader else await _reports(v, name) for name in v.deployment.function_names}
    found = {name: reports for name, reports in reported.items() if reports}
    v.figures.extend(Figure(f"memory of {name}", str(reports)) for name, reports in found.items())
    full = [f"{name} {each}" for name, each in found.items() if each.used_mb > _MEMORY_SHARE_MAX * each.size_mb]
    expect(not full, f"give these functions more memory, the agent by agent.memory_mb: {'; '.join(full)}")
    return f"{len(found)} functions, at most {max(each.used_mb / each.size_mb for each in found.values()):.0%} used"


async def _reports(v: Verification, name: str) -> _Reports | None:
    """Return what Lambda reported of a function; None if it was not invoked."""
    matches = [match for line in await _lines(v, name) if (match := _REPORT.match(line))]
    if not matches:
        return None
    size_mb = matches[-1][1]
    of_this_size = [match for match in matches if match[1] == size_mb]  # the function may have had another size before
    starts_ms = tuple(float(match[3]) for match in of_this_size if match[3])
    return _Reports(int(size_mb), max(int(match[2]) for match in of_this_size), starts_ms)


async def _lines(v: Verification, name: str) -> list[str]:
    about: dict[str, Any] = {
        "logGroupName": f"/aws/lambda/{name}",
        "startTime": int((time.time() - _SINCE_SECONDS) * 1000),
        "filterPattern": '"REPORT RequestId"',
    }
    lines: list[str] = []
    while True:
        page = await allowed(v, "logs", "filter_log_events", **about)
        lines += [event["message"] for event in page["events"]]
        if "nextToken" not in page:
            return lines
        about["nextToken"] = page["nextToken"]
