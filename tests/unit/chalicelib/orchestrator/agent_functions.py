"""The functions of the agents of a job: each does a run as its script says."""

from __future__ import annotations

import json

from runcast.json_text import result_json
from runcast.record.model import Owner, RunStatus, Step
from runcast.record.store import End

FUNCTIONS = {"survey": "runcast-agent", "elsewhere": "arn:aws:lambda:us-east-1:123456789012:function:elsewhere"}


class Agents:
    """The agents' functions: each claims its run and ends it with the next of its outputs.

    An output that is an exception is how the agent fails; one that can be called is what the function does instead,
    given the store and the event.
    """

    def __init__(self, store, clock, outputs) -> None:
        self._store = store
        self._clock = clock
        self.outputs = {name: list(some) for name, some in outputs.items()}
        self.names = {}
        self.events = []

    def invoke(self, FunctionName, InvocationType, Payload):  # noqa: N803 - boto3's names
        assert InvocationType == "Event"
        event = json.loads(Payload)
        assert FunctionName == FUNCTIONS[event["agent"]]
        self.events.append(event)
        said = self.outputs[self.names[event["requestId"]]].pop(0)
        if callable(said):
            said(self._store, event)
        else:
            work(self._store, self._clock, event, said)


def claim(store, clock, event, worker="invocation-1/abc"):
    owner = Owner(event["tenantId"], event["userId"])
    about = {"owner": owner, "agent": event["agent"], "job_id": event["jobId"]}
    store.claim(event["requestId"], worker=worker, lease_until_ms=clock() + 15_000, **about)


def work(store, clock, event, said, worker="invocation-1/abc"):
    """Do a run as the agent's Lambda does."""
    claim(store, clock, event, worker)
    failed = isinstance(said, Exception)
    error = f"{type(said).__name__}: {said}" if failed else None
    status = RunStatus.ERROR if failed else RunStatus.COMPLETE
    end = End(status, None if failed else result_json(said), error)
    step = Step(status.value, "done", 0.0, clock(), 1, status="agent_error" if failed else "agent_complete")
    store.append(
        event["requestId"], worker=worker, expected_seq=0, lease_until_ms=clock() + 15_000, steps=[step], end=end
    )
