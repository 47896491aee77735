"""Fixtures for the tests of the runner: a runner with a scripted model, and its messages."""

from __future__ import annotations

import json

import pytest
from chalicelib.agents import model as model_module
from chalicelib.agents import registry
from chalicelib.agents.runner import Runner
from chalicelib.runtime.config import AgentConfig
from strands import Agent

from runcast.runs.from_environment import Destination
from tests.fakes.lambda_process import Context
from tests.fakes.objects_in_memory import ObjectsInMemory
from tests.fakes.own_agents import own_agents
from tests.fakes.scripted_model import ScriptedModel
from tests.fakes.token_budget import token_budget
from tests.unit.chalicelib.agents.deaths import MortalWorkers
from tests.unit.chalicelib.agents.parts import Ground, checkpointing

CONFIG = AgentConfig(
    agent_progress_table="AgentProgress",
    status_publisher_function="runcast-status-publisher",
    run_closer_function="runcast-run-closer",
    results_bucket="runcast-results",
    bedrock_model_id="scripted",
    aws_region="us-east-1",
    model_max_tokens=1000,
)
EVENT = {"agent": "survey", "query": "How steep is it?", "requestId": "run-1", "userId": "ana", "tenantId": "acme"}


class Bench:
    """A runner with a scripted model, and what it has published."""

    def __init__(self, store, monkeypatch, budget):
        self.store = store
        self.models_made = 0
        self.model = ScriptedModel([])
        self.published = []
        self._monkeypatch = monkeypatch
        monkeypatch.setattr(model_module, "bedrock_model", self._made)
        self.ended = []
        self.objects = ObjectsInMemory()
        destination = Destination(store, self._publish, on_end=self.ended.append)
        self.runner = Runner(CONFIG, destination, self.objects, budget)

    def _made(self, config):
        assert config is CONFIG
        self.models_made += 1
        return self.model

    def _publish(self, messages):
        self.published += messages
        return len(messages)

    def with_tools(self, *tools):
        self.with_build(lambda run: Agent(model=run.model, tools=[*tools], callback_handler=None))

    def with_build(self, build):
        self._monkeypatch.setattr(registry, "load", lambda name: build)

    def run(self, *script, event=EVENT, context=None, **about):
        self.model.script = list(script)
        answer = self.runner.run({**event, **about}, context or Context())
        return answer["statusCode"], json.loads(answer["body"])


@pytest.fixture
def budget(dynamodb):
    return token_budget(dynamodb)


@pytest.fixture
def bench(store, monkeypatch, budget):
    bench = Bench(store, monkeypatch, budget)
    with own_agents():
        yield bench
    bench.runner.close()


@pytest.fixture
def ground():
    return Ground()


@pytest.fixture
def workers(bench, clock):
    return MortalWorkers(bench, clock)


@pytest.fixture
def asked(bench):
    """The events with which the worker has asked `run_closer`."""
    events = []

    def take(event):
        events.append(event)
        return True

    bench.runner._destination = bench.runner._destination._replace(hand_over=take)
    return events


@pytest.fixture
def digger(bench, ground, asked):
    checkpointing(bench, ground.tool())
