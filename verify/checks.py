"""The checks, in order, and the function that runs one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from runcast.text import shortened
from verify import configuration, isolation, jobs, memory, observability, runs, tenant_isolation, uploads
from verify.expecting import CheckFailed, NotApplicable
from verify.verification import Verification

CheckFunction = Callable[[Verification], Awaitable[str]]

_CHECK_SECONDS = 600
_DETAIL_MAX_CHARACTERS = 600


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes:
        name: Its name.
        function: Does it; returns what was seen, for the report.
    """

    name: str
    function: CheckFunction

    @property
    def what(self) -> str:
        """What the check proves: the first line of its function's docstring."""
        return (self.function.__doc__ or "").strip().splitlines()[0]


CHECKS = (
    Check("settings", configuration.function_settings),
    Check("code", configuration.function_code),
    Check("rules", configuration.event_rules),
    Check("failure-destination", configuration.failure_destination),
    Check("key-policy", configuration.key_policy),
    Check("health", runs.health),
    Check("no-credential", isolation.no_credential),
    Check("catalogue", runs.catalogue),
    Check("starts", runs.starts),
    Check("run", runs.run),
    Check("run-rest", runs.run_by_rest),
    Check("json-text", runs.json_text),
    Check("thousand-steps", runs.thousand_steps),
    Check("connection-cuts", runs.connection_cuts),
    Check("cancel-run", runs.cancel_run),
    Check("cancel-elsewhere", runs.cancel_elsewhere),
    Check("killed-worker", runs.killed_worker),
    Check("uploads", uploads.uploads),
    Check("job", jobs.job),
    Check("job-cancel", jobs.job_cancel),
    Check("job-stopped", jobs.job_stopped),
    Check("isolation-records", isolation.isolation_records),
    Check("isolation-live", isolation.isolation_live),
    Check("isolation-publish", isolation.isolation_publish),
    Check("tenant-isolation", tenant_isolation.tenant_isolation),
    Check("logs", observability.logs),
    Check("memory", memory.memory),
    Check("metrics", observability.metrics),
    Check("alarms", observability.alarms),
)


class Verdict(Enum):
    """The verdict of a check."""

    PASSED = "ok"
    FAILED = "FAILED"
    NOT_APPLICABLE = "n/a"


@dataclass(frozen=True)
class Result:
    """The result of one check.

    Attributes:
        check: The check.
        verdict: What became of it.
        detail: What was seen.
        seconds: How long it took.
    """

    check: Check
    verdict: Verdict
    detail: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.verdict.value:7}{self.check.name}: {self.detail} ({self.seconds:.1f} s)"


async def do(check: Check, v: Verification) -> Result:
    """Run one check. Any exception counts as its failure, so that the other checks still run."""
    began = time.perf_counter()
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            verdict, detail = Verdict.PASSED, await check.function(v)
    except NotApplicable as reason:
        verdict, detail = Verdict.NOT_APPLICABLE, str(reason)
    except CheckFailed as failure:
        verdict, detail = Verdict.FAILED, str(failure)
    except Exception as error:  # noqa: BLE001 - see above
        verdict, detail = Verdict.FAILED, f"{type(error).__name__}: {error}"
    return Result(check, verdict, shortened(detail, _DETAIL_MAX_CHARACTERS), time.perf_counter() - began)


def counts(results: Sequence[Result]) -> str:
    """Return the last line of a verification."""
    done = [result for result in results if result.verdict is not Verdict.NOT_APPLICABLE]
    return f"verify: {len(done)} checks, {len(list(failed(results)))} failed"


def failed(results: Sequence[Result]) -> Iterator[Result]:
    """Yield the results of the checks that failed."""
    return (result for result in results if result.verdict is Verdict.FAILED)
