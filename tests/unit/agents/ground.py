"""A checkpointing agent that digs, whose parts the tests of `run_in_parts` call as in new processes."""

from __future__ import annotations

import asyncio

from strands import Agent, ToolContext, tool

from runcast import note_fact, run_in_parts
from runcast.record.close import close_dead
from runcast.record.model import Owner
from runcast.runs.scope import current_scope
from tests.fakes.scripted_model import ScriptedModel

ANA = Owner("acme", "ana")
EVENT = {"requestId": "r1", "userId": "ana", "tenantId": "acme", "agent": "digger", "query": "Dig."}


class Ground:
    """A tool that digs and what has been dug.

    Attributes:
        dug: What has been dug.
        dies: Whether the next worker dies in its tool, as by SIGKILL, and `run_closer` hears of it.
    """

    def __init__(self, store):
        self._store = store
        self.dug = []
        self.dies = False
        self.model = None

    def tool(self, mark=lambda tool: tool):
        @mark
        @tool(context=True)
        async def dig(tool_context: ToolContext, metres: int = 1, late: bool = False) -> str:
            """Dig."""
            self.dug.append(metres)
            note_fact(tool_context, "depth", sum(self.dug), "m")
            if self.dies:
                self.dies = False
                close_dead(self._store, "r1", invocation=current_scope().run.recorder.assignment.worker.split("/")[0])
                raise SystemExit
            if late:
                current_scope().run.stop.hand_over()
            return f"dug {metres} m"

        return dig

    def part(self, *script, tools=(), event=EVENT, **about):
        """Run one part, as in a new process."""
        self.model = ScriptedModel(script)
        self.model.usage = {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5}
        agent = Agent(
            model=self.model, tools=[*(tools or [self.tool()])], checkpointing=True, callback_handler=None,
        )  # fmt: skip
        return asyncio.run(run_in_parts(agent, event, **about))


def read(records):
    run = records.read("r1")
    assert [step.seq for step in run.steps] == list(range(1, run.seq + 1))
    return run
