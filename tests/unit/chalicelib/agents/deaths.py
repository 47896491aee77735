"""Workers that die as by SIGKILL, and what the next ones find."""

from __future__ import annotations

from collections import Counter

from strands import Agent, tool
from strands.hooks import BeforeToolCallEvent
from strands.tools.executors import SequentialToolExecutor

from runcast.record.close import close_dead
from tests.unit.chalicelib.agents.parts import ANA, next_part

UNKNOWN = (
    "The worker that called this tool stopped before the call had ended, so it may or may not have taken effect. Find "
    "out before you call it again."
)


class MortalWorkers:
    """Workers with tools that dig and fill, what the tools have done, and when a worker dies.

    Attributes:
        done: How often each tool has taken effect.
        dies: The moments at which a worker dies, each once: `<moment> <tool>`, or `model` and the number of its call.
        event: The event of the next part, if a worker has died and one is handed out.
        part: The part of the current worker and its try.
    """

    def __init__(self, bench, clock):
        self.done = Counter()
        self.dies = []
        self.event = None
        self.part = 1, 1
        self._bench, self._clock = bench, clock
        self.build(self.tool("dig"), self.tool("fill"))

    def tool(self, name, mark=lambda tool: tool):
        @mark
        @tool(name=name)
        async def work() -> str:
            """Work."""
            self.die(f"before {name}")
            self.done[name] += 1
            self.die(f"in {name}")
            return f"{name} done"

        return work

    def die(self, moment):
        """Die as by SIGKILL: nothing more is written by this worker, and Lambda reports it."""
        if moment not in self.dies:
            return
        self.dies.remove(moment)
        self.event = died(self._bench, self._clock, self.part)
        raise SystemExit

    def continued(self, *script):
        """Let the next worker continue."""
        self.part = self.event["part"], 1
        return next_part(self._bench, self.event, *script)

    def build(self, *tools, hooks=()):
        def build(run):
            agent = Agent(
                model=run.model, tools=[*tools], checkpointing=True, callback_handler=None,
                tool_executor=SequentialToolExecutor(),
            )  # fmt: skip
            agent.add_hook(lambda event: self.die(f"hook {event.tool_use['name']}"), BeforeToolCallEvent)
            for callback, event_type in hooks:
                agent.add_hook(callback, event_type)
            return agent

        self._bench.with_build(build)
        stream = self._bench.model.stream

        async def dying(messages, *args, **kwargs):
            self.die(f"model {len(self._bench.model.calls) + 1}")
            async for event in stream(messages, *args, **kwargs):
                yield event

        self._bench.model.stream = dying


def died(bench, clock, part=(1, 1)):
    """Report the death of a part's worker; return the event of the next part."""
    invocation = "lambda-request-1" if part == (1, 1) else f"lambda-request-{part[0]}-{part[1]}"
    result = close_dead(
        bench.store, "run-1", owner=ANA, invocation=invocation, part=part, now_ms=clock
    )  # fmt: skip
    assert result is not None
    run = result.run
    ids = {"agent": "survey", "requestId": "run-1", "userId": "ana", "tenantId": "acme", "jobId": None}
    return {**ids, "part": run.part, "try": run.part_tries, "awaited": False} if result.hand_out else None


def told(bench):
    """What the model was told of its last tools, by their ids."""
    blocks = bench.model.calls[-1][-1]["content"]
    return [
        (block["toolResult"]["status"], block["toolResult"]["content"][0]["text"])
        for block in blocks
        if "toolResult" in block
    ]
