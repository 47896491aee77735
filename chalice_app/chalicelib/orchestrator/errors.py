"""The errors of a job. The state machine distinguishes them by the names of their classes.

RuncastError
├── InvalidPlaybook         the playbook's file is invalid; the message lists all faults
├── AgentFailed             an agent failed permanently
├── AgentTimedOut           an agent exceeded its timeout; its run is cancelled
├── JobTimedOut             the job exceeded its time limit
├── RunWaits                an agent waits for an answer, which its state did not expect
├── RunChanged              an agent has been answered, or its run has ended; the state looks at it again
├── ModelFailed             the model did not write the summary; a retry will not help
├── JobEnded                the job was cancelled or has otherwise ended; there is nothing left to do
├── JobFailed               the job has ended as an error or was cancelled, and its execution ends as failed
└── OrchestratorFailed      an unexpected failure; the log has the reason
"""

from __future__ import annotations

from collections.abc import Sequence

from runcast.errors import RuncastError


class InvalidPlaybook(RuncastError):
    """A playbook's file is invalid.

    Args:
        name: The playbook.
        faults: All faults, each with its JSON path.
    """

    def __init__(self, name: str, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__(f"The playbook {name} is not valid: {'; '.join(faults)}.")


class AgentFailed(RuncastError):
    """An agent failed permanently; the message starts with its name."""


class AgentTimedOut(RuncastError):
    """An agent took longer than its `timeoutSeconds`; its run is cancelled."""


class JobTimedOut(RuncastError):
    """The job took longer than its time limit, without the time in which it waited for answers."""


class RunWaits(RuncastError):
    """An agent's run waits for an answer. From then on, its state looks at it once an hour."""


class RunChanged(RuncastError):
    """An agent's run was answered, or ended without a result. Its state looks at it again."""


class ModelFailed(RuncastError):
    """The model did not write the summary, and a retry will not help."""


class JobEnded(RuncastError):
    """The job was cancelled or has otherwise ended; there is nothing left to do."""


class JobFailed(RuncastError):
    """The job's end is saved and is not `complete`; the message is its error. It fails the execution."""


class OrchestratorFailed(RuncastError):
    """An unexpected failure of the orchestrator; the log has the reason."""

    def __init__(self) -> None:
        super().__init__("The job failed on our side; the log has the reason.")
