"""A worker in a separate process, which can be killed and frozen: one delivery of a run's event, as by Lambda.

Runner, recorder, store and agent loop are the real ones; the model plays a script. The process reports through a pipe:
each tool call, each batch that goes live, and its answer.
"""

from __future__ import annotations

import itertools
import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple
from unittest.mock import patch

import boto3
from botocore.config import Config
from chalicelib.agents import model as model_module
from chalicelib.agents import registry
from chalicelib.agents.runner import Runner
from chalicelib.runtime.config import AgentConfig
from strands import Agent, ToolContext, tool

from runcast import limits
from runcast.agents.track import KEY, track
from runcast.record.recorder import Recorder
from runcast.record.store import STORE_CLIENT_CONFIG, RunStore
from runcast.record.writer import Writer
from runcast.runs import from_environment
from runcast.runs.from_environment import Destination
from tests.fakes.lambda_process import Context
from tests.fakes.objects_in_files import ObjectsInFiles
from tests.fakes.objects_in_memory import ObjectsInMemory
from tests.fakes.own_agents import own_agents
from tests.fakes.scripted_model import Call, Say, ScriptedModel
from tests.fakes.token_budget import token_budget
from tests.reliability.backends import PATIENT
from tests.unit.conftest import TABLE_NAME

CALLS = 4
AGENT = "survey"
CONFIG = AgentConfig(TABLE_NAME, "status-publisher", "run-closer", "results", "scripted", "us-east-1", 1_000)
LEASE_MS = 2_000
"""A lease for tests; its heartbeat is in the same proportion to it as to the real one."""
PATIENT_CLAIM_SECONDS = 20.0
"""A busy machine must not look as if the table did not answer: a worker that is not told goes on unrecorded."""
_HEARTBEATS_PER_LEASE = limits.LEASE_MS / 1000 / limits.HEARTBEAT_SECONDS

_STARTING = threading.Lock()
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["tests.reliability.worker_process"])


class Delivery(NamedTuple):
    """The instructions for one process.

    Attributes:
        event: The agent Lambda's event.
        invocation: The id of this invocation.
        table_url: The way to DynamoDB, with its faults.
        direct_url: The way without any, to check what the record holds.
        killed_at: The write that holds this step is the process's last; None lets it live.
        killed_after: That write still takes effect.
        step_by_step: The agent goes on only when its last step is stored.
        lease_ms: The lease.
        tool_seconds: How long each tool call takes.
        claim_wait_seconds: How long it waits to be told whether the run is its own; by then it goes on, unrecorded.
        threads: How many of the recorder's threads can start; None for all.
        writer_dies_at: The write at which the writing thread dies; None lets it live.
        by_track: Custom code invokes the agent, and `track` records it; there is no runner.
        script: What the model says.
        objects_in: The folder of the private objects, if other processes need them.
    """

    event: Mapping[str, Any]
    invocation: str
    table_url: str
    direct_url: str
    killed_at: int | None = None
    killed_after: bool = False
    step_by_step: bool = False
    lease_ms: int = LEASE_MS
    tool_seconds: float = 0.01
    claim_wait_seconds: float = limits.CLAIM_WAIT_SECONDS
    threads: int | None = None
    writer_dies_at: int | None = None
    by_track: bool = False
    script: tuple[Call | Say, ...] = (*[Call("measure")] * CALLS, Say("Measured: {tool_result}"))
    objects_in: str | None = None


class WorkerProcess:
    """A process at work. Make it with `worker_process()`.

    Attributes:
        pid: Its process.
        calls: How many tool calls it has begun.
        live: The messages that it has sent.
        too_early: Those of them that the record did not hold yet.
        handed_over: The ends that it could not store in time.
        answer: What it has answered, None until then, or if it died; by `track`, why its agent stopped.
    """

    def __init__(self, delivery: Delivery) -> None:
        self.calls = 0
        self.live: list[dict[str, Any]] = []
        self.too_early: list[dict[str, Any]] = []
        self.handed_over: list[dict[str, Any]] = []
        self.answer: Any = None
        _start_forkserver()
        self._ours, theirs = _processes.Pipe(duplex=False)
        self._process = _processes.Process(target=_work, args=(delivery, theirs), daemon=True)
        self._process.start()
        theirs.close()
        assert self._process.pid
        self.pid = self._process.pid
        self._listening = threading.Thread(target=self._listen)
        self._listening.start()

    def kill(self, number: int = signal.SIGKILL) -> None:
        if self._process.is_alive():
            os.kill(self.pid, number)

    def finished(self, seconds: float) -> bool:
        """Wait until it has answered or died; return whether it has."""
        self._listening.join(seconds)
        return not self._listening.is_alive()

    def stop(self) -> None:
        self._process.kill()
        self._process.join()
        self._listening.join()
        self._ours.close()

    def _listen(self) -> None:
        while True:
            try:
                kind, what = self._ours.recv()
            except (EOFError, OSError):
                return
            if kind == "call":
                self.calls += 1
            elif kind == "live":
                self.live += what[0]
                self.too_early += what[1]
            elif kind == "handed over":
                self.handed_over.append(what)
            else:
                self.answer = what


@contextmanager
def worker_process(delivery: Delivery) -> Iterator[WorkerProcess]:
    process = WorkerProcess(delivery)
    try:
        yield process
    finally:
        process.stop()


def _start_forkserver() -> None:
    """Start the process that the others are forked from, unless it runs: it has imported all they need."""
    # It looks for modules where its environment says, not where ours are found. One at a time, or the environment that
    # the second finds, and puts back, would be the first one's.
    with _STARTING, patch.dict(os.environ, {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}):
        forkserver.ensure_running()


def _work(delivery: Delivery, pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is its parent's to hear
    logging.disable()  # faults are what this is about
    telling = threading.Lock()

    def tell(kind: str, what: Any = None) -> None:
        with telling:
            pipe.send((kind, what))

    @tool
    def measure() -> str:
        """Measure something for a moment."""
        tell("call")
        time.sleep(delivery.tool_seconds)
        return "3.5 degrees"

    @tool(context=True)
    def ask(tool_context: ToolContext) -> str:
        """Ask, and then buy."""
        answered = tool_context.interrupt("approve")
        tell("call")
        return f"bought: {answered}"

    limits.CLAIM_WAIT_SECONDS = delivery.claim_wait_seconds
    limits.LEASE_MS = delivery.lease_ms
    limits.HEARTBEAT_SECONDS = delivery.lease_ms / 1000 / _HEARTBEATS_PER_LEASE
    if delivery.step_by_step:
        from_environment.Recorder = StepByStep
    if delivery.threads is not None:
        _limit_threads(delivery.threads)
    if delivery.writer_dies_at is not None:
        _let_the_writer_die(delivery.writer_dies_at)

    def model(_: object) -> Any:
        return ScriptedModel(delivery.script)

    def build(run: Any) -> Agent:
        return Agent(model=run.model, tools=[measure, ask], callback_handler=None)

    model_module.bedrock_model = model
    registry.load = lambda _: build
    directly = RunStore(_client(delivery.direct_url, PATIENT), TABLE_NAME)

    def publish(messages: list[dict[str, Any]]) -> int:
        run = directly.read(messages[0]["requestId"])
        seq = run.seq if run else 0
        tell("live", (messages, [each for each in messages if each["seq"] > seq]))
        return len(messages)

    def hand_over(event: dict[str, Any]) -> bool:
        tell("handed over", event)
        return True

    client = _client(delivery.table_url, STORE_CLIENT_CONFIG)
    store = MortalStore(client, TABLE_NAME)
    store.killed_at, store.killed_after = delivery.killed_at, delivery.killed_after
    destination = Destination(store, publish, hand_over)
    if delivery.by_track:
        from_environment.destination_of_environment = lambda: destination
        agent = track(build(SimpleNamespace(model=model(None))))
        run = {**delivery.event, "lambdaContext": Context(delivery.invocation)}
        tell("answer", str(agent(delivery.event["query"], invocation_state={KEY: run}).stop_reason))
        return
    with own_agents():
        objects = ObjectsInFiles(Path(delivery.objects_in)) if delivery.objects_in else ObjectsInMemory()
        runner = Runner(CONFIG, destination, objects, token_budget(client))
        answer = runner.run(delivery.event, Context(delivery.invocation))
        runner.close()
    tell("answer", answer)


def _limit_threads(count: int) -> None:
    started = itertools.count()
    start = threading.Thread.start

    def start_if_there_is_room(thread: threading.Thread) -> None:
        if thread.name.startswith("recorder-") and next(started) >= count:
            raise RuntimeError("can't start new thread")
        start(thread)

    threading.Thread.start = start_if_there_is_room  # type: ignore[method-assign]


def _let_the_writer_die(at: int) -> None:
    writes = itertools.count(1)
    write_next = Writer.write_next

    def write_or_die(writer: Writer) -> bool:
        if next(writes) == at:
            raise SystemExit
        return write_next(writer)

    Writer.write_next = write_or_die  # type: ignore[method-assign]


class MortalStore(RunStore):
    """A store at one of whose writes the process is killed."""

    killed_at: int | None = None
    killed_after = False

    def append(self, request_id: str, *, expected_seq: int, **about: Any) -> None:
        last = self.killed_at is not None and expected_seq + len(about.get("steps", ())) >= self.killed_at
        if last and not self.killed_after:
            os.kill(os.getpid(), signal.SIGKILL)
        super().append(request_id, expected_seq=expected_seq, **about)
        if last:
            os.kill(os.getpid(), signal.SIGKILL)


class StepByStep(Recorder):
    """A recorder that makes its run wait at each step, so that each step is a separate write."""

    def record(self, *args: Any, **about: Any) -> Any:
        ref = super().record(*args, **about)
        while self._writer.unrecorded and self._writing.is_alive():
            time.sleep(0.001)
        return ref


def _client(url: str, config: Config) -> Any:
    session = boto3.Session("test", "test", region_name="us-east-1")
    return session.client("dynamodb", endpoint_url=url, config=config)
