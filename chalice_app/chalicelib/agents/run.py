"""What an agent is built from: all that an agent's `build(run)` needs to know of its run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runcast.record.model import Json

if TYPE_CHECKING:
    from strands.models import Model


@dataclass(frozen=True)
class AgentRun:
    """One run, as its agent sees it.

    Attributes:
        query: What the agent shall do; it is also the agent's prompt.
        parameters: What the caller gave besides, at most 64 KB.
        model: The model to use, shared by all runs of this process.
    """

    query: str
    parameters: Json
    model: Model
