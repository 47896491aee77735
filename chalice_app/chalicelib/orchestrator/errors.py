"""What can go wrong in a job. The state machine tells these apart by the names of their classes.

RuncastError
├── InvalidPlaybook         the playbook's file does not do; all faults are told at once
├── AgentFailed             an agent of the job has failed for good
├── AgentTimedOut           an agent of the job took too long; its run is cancelled
├── WorkerDied              an agent's worker died: tried again, there is a new attempt
├── RunStillLive            an agent's run goes on without us: tried again, it may have ended
├── ModelFailed             the model does not write the summary, and will not when it is asked again
├── JobEnded                the job was cancelled, or ended by another: nothing is to be done any more
└── OrchestratorFailed      our fault; it is in the log
"""

from __future__ import annotations

from collections.abc import Sequence

from runcast.errors import RuncastError


class InvalidPlaybook(RuncastError):
    """A playbook's file does not do.

    Args:
        name: The playbook.
        faults: What is wrong with it, each with its JSON path.
    """

    def __init__(self, name: str, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__(f"The playbook {name} is not valid: {'; '.join(faults)}.")


class AgentFailed(RuncastError):
    """An agent of the job has failed for good; the message begins with its name."""


class AgentTimedOut(RuncastError):
    """An agent of the job took longer than its `timeoutSeconds`; its run is cancelled."""


class WorkerDied(RuncastError):
    """An agent's worker died, and its run has been ended. Tried again, the next attempt is made."""


class RunStillLive(RuncastError):
    """An agent's run goes on, though nobody answers for it. Tried again, it may have ended."""


class ModelFailed(RuncastError):
    """The model does not write the summary, and will not when it is asked again."""


class JobEnded(RuncastError):
    """The job was cancelled, or ended by another: nothing is to be done any more."""


class OrchestratorFailed(RuncastError):
    """A failure of our own, which is in the log."""

    def __init__(self) -> None:
        super().__init__("The job failed on our side; the log has the reason.")
