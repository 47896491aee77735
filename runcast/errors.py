"""What can go wrong, as a small tree, so that callers catch what they can handle and no more.

RuncastError
├── ConfigurationMissing    the environment lacks settings (all of them are named)
├── InvalidInput            what the caller sent does not fit (names the field and the limit)
├── Unauthorized            the credential does not allow it
├── Conflict                the requestId or jobId is somebody else's
├── RunStopped              a run's agent was interrupted, because the run was to stop
├── Unavailable             a service we need did not do its part now; trying again may help
│   ├── StoreUnavailable    DynamoDB did not answer, or throttled
│   │   └── WriteConflict   another transaction was writing the same item, so nothing was written
│   └── Unreachable         the request did not reach the service, so nothing was done
├── RunGone                 the record is gone: it was deleted or has expired
└── Refused                 the record says no; carries the record as it stands
    ├── RunExists           a run with that requestId is there already
    ├── JobClosed           the job that a run was to belong to has ended
    ├── ClaimRefused        another worker has claimed the run, or it has ended
    └── AppendRefused       the record is not as this worker left it
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runcast.record.model import Run


class RuncastError(Exception):
    """The root: every error that Runcast raises on purpose."""


class ConfigurationMissing(RuncastError):
    """Settings are missing from the environment.

    Args:
        names: The environment variables that are missing or empty.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(names)
        super().__init__(f"Set these environment variables: {', '.join(self.names)}.")


class InvalidInput(RuncastError):
    """What the caller sent does not fit; the message names the field and the limit."""


class Unauthorized(RuncastError):
    """The credential is missing, of the wrong kind, or does not allow this."""


class Conflict(RuncastError):
    """The chosen id is taken: by somebody else, or by one's own run where a job is asked for, or the reverse."""


class RunStopped(RuncastError):
    """A run's agent was interrupted: somebody has cancelled or ended the run, or its worker's time was up."""

    def __init__(self) -> None:
        super().__init__("The run was stopped before its end.")


class Unavailable(RuncastError):
    """A service we need did not do its part now; trying again may help."""


class StoreUnavailable(Unavailable):
    """DynamoDB gave no answer in time, or throttled; whether a write took effect is unknown."""


class WriteConflict(StoreUnavailable):
    """Another transaction was writing the same item, so nothing was written."""


class Unreachable(Unavailable):
    """The request did not reach the service, so nothing was done."""


class RunGone(RuncastError):
    """A record that was to be written is gone: it was deleted or has expired."""


class Refused(RuncastError):
    """The record says no.

    Args:
        message: What was refused and why.
        run: The record as DynamoDB returned it with the refusal.
    """

    def __init__(self, message: str, run: Run) -> None:
        self.run = run
        super().__init__(message)


class RunExists(Refused):
    """A run with that requestId is there already."""


class JobClosed(Refused):
    """The job that a run was to belong to has ended or belongs to another owner: `run` is the job's record."""


class ClaimRefused(Refused):
    """Another worker has claimed the run, or the run has ended."""


class AppendRefused(Refused):
    """The record is not as this worker left it: `run` tells why."""
