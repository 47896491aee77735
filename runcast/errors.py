"""The errors that Runcast raises, as a small tree, so that callers catch only what they can handle.

RuncastError
├── ConfigurationMissing    the environment lacks settings (all of them are named)
├── InvalidInput            the caller's input is invalid (names the field and the limit)
├── Unauthorized            the credential does not allow the request
├── TooManyRequests         the caller or the tenant is over a limit; says when to try again
├── Conflict                the requestId or jobId is taken, the conversation has an open run, or the run does not wait
├── RunStopped              a run's agent was interrupted, because the run has to stop
├── NotResumable            an agent's run could not continue in another worker (names what prevents it)
├── SnapshotUnusable        an agent's saved state is missing, damaged or of another version
├── AttachmentUnusable      a file that a run names is no longer stored, was replaced or could not be read
├── Unavailable             a service that we depend on failed; a retry may succeed
│   ├── StoreUnavailable    DynamoDB did not answer, or throttled
│   │   └── WriteConflict   another transaction was writing the same item, so nothing was written
│   └── Unreachable         the request did not reach the service, so nothing was done
├── RunGone                 the record is gone: it was deleted or has expired
├── ObjectGone              the object that a record names is gone
├── ConversationChanged     a conversation has changed since it was read
└── Refused                 the record's state forbids the write; carries the current record
    ├── RunExists           a run with that requestId already exists
    ├── JobClosed           the run's job has ended or belongs to another owner
    ├── ClaimRefused        another worker has claimed the run, or it has ended
    └── AppendRefused       the record has changed since this worker's last write
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
    """The caller's input is invalid; the message names the field and the limit."""


class Unauthorized(RuncastError):
    """The credential is missing, of the wrong kind, or does not allow this."""


class TooManyRequests(RuncastError):
    """The caller or the tenant has started too many runs, or has too many in progress. Nothing was done.

    Args:
        message: Which limit was reached.
        retry_after_seconds: When to try again.
    """

    def __init__(self, message: str, retry_after_seconds: int) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(message)


class Conflict(RuncastError):
    """The record is in another state than the request needs.

    The chosen id is taken: by another owner, or by a run when a job is requested, or the reverse. Or the run does not
    wait for these answers.
    """


class RunStopped(RuncastError):
    """A run's agent was interrupted: the run was cancelled or ended, or its worker ran out of time."""

    def __init__(self) -> None:
        super().__init__("The run was stopped before its end.")


class NotResumable(RuncastError):
    """An agent's run could not continue, after an answer or a hand-over; the message names what prevents it."""


class SnapshotUnusable(RuncastError):
    """The state from which an agent should continue is missing, damaged, or of another version of the agent."""


class AttachmentUnusable(RuncastError):
    """A file that a run names is not stored any more, was replaced, is not of its type, or could not be read."""


class Unavailable(RuncastError):
    """A service that we depend on failed; a retry may succeed."""


class StoreUnavailable(Unavailable):
    """DynamoDB timed out or throttled the request; a write may or may not have taken effect."""


class WriteConflict(StoreUnavailable):
    """Another transaction was writing the same item, so nothing was written."""


class Unreachable(Unavailable):
    """The request did not reach the service, so nothing was done."""


class RunGone(RuncastError):
    """The record to write is gone: it was deleted or has expired."""


class ObjectGone(RuncastError):
    """The object that a record names is gone."""


class ConversationChanged(RuncastError):
    """A conversation has changed since it was read, so nothing was written."""


class Refused(RuncastError):
    """The record's state forbids the write.

    Args:
        message: What was refused and why.
        run: The record as DynamoDB returned it with the refusal.
    """

    def __init__(self, message: str, run: Run) -> None:
        self.run = run
        super().__init__(message)


class RunExists(Refused):
    """A run with that requestId already exists."""


class JobClosed(Refused):
    """The run's job has ended or belongs to another owner; `run` is the job's record."""


class ClaimRefused(Refused):
    """Another worker has claimed the run, or the run has ended."""


class AppendRefused(Refused):
    """The record has changed since this worker's last write; `run` shows why."""
