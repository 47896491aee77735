"""The argument of an agent's `build(run)`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runcast.record.model import Json

if TYPE_CHECKING:
    from strands.models import Model


@dataclass(frozen=True)
class AgentRun:
    """The run that an agent is built for.

    Attributes:
        query: The user's query, which is also the agent's prompt.
        parameters: The caller's parameters, at most 64 KB.
        model: The model to use, shared by all runs of this process.
    """

    query: str
    parameters: Json
    model: Model
