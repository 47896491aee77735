"""The Node processes that run AppSync's resolvers, in place of MiniStack's.

A field takes two calls, and the publisher's requests have up to 50 fields. MiniStack sends the resolver's code and the
request's variables with each call, starts a thread to wait for the answer, and replaces a process after 1,000 calls.
Here a process is sent each code once and the variables once per request, and it is kept. The resolver sees the same.
"""

import json
import os
import selectors
import subprocess
import threading
from contextlib import suppress
from typing import Any

from ministack.core import appsync_js, node_pool

from local.emulator.ministack_functions import UnsupportedMinistack

_MAX_OLD_SPACE_MB = 256
_IDLE_MAX_PROCESSES = 4
_READ_BYTES = 64 * 1024

# Completes a request with what the process was sent before. The variables are parsed when a resolver reads them: few
# do, and they are the same for all fields of a request.
_COMPLETED = """
const codes = new Map();
let variablesText = "{}";
function completed(req) {
  if (req.code !== undefined) codes.set(req.codeId, req.code);
  req.code = codes.get(req.codeId);
  req.ctx.arguments = req.ctx.args;
  variablesText = req.variablesText ?? variablesText;
  const text = variablesText;
  const define = (info, value) =>
    Object.defineProperty(info, "variables", { value, writable: true, enumerable: true, configurable: true });
  Object.defineProperty(req.ctx.info, "variables", {
    enumerable: true,
    configurable: true,
    get() { return define(this, JSON.parse(text)).variables; },
    set(value) { define(this, value); },
  });
  return req;
}
"""


def resolver_script() -> str:
    """Returns MiniStack's worker script, with `util.authType()` and the parts sent before taken from the request.

    Raises:
        UnsupportedMinistack: The script does not contain the texts to replace.
    """
    script: str = appsync_js._WORKER_SCRIPT
    for before, after in (
        ("entry.state.extensions = [];", "entry.state.extensions = []; entry.state.authType = req.authType;"),
        ("run(JSON.parse(line))", "run(completed(JSON.parse(line)))"),
    ):
        if script.count(before) != 1:
            raise UnsupportedMinistack(f"the resolver worker does not contain {before!r} exactly once")
        script = script.replace(before, after)
    return _COMPLETED + script


class ResolverPool:
    """Runs resolvers, each call in a process that is free; starts one if none is.

    Args:
        timeout_seconds: How long a call may take; its process is killed afterwards.
    """

    def __init__(self, timeout_seconds: float) -> None:
        self._script = resolver_script()
        self._timeout_seconds = timeout_seconds
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._busy: set[_Worker] = set()

    def call(self, request: dict[str, Any], timeout: float | None = None) -> dict[str, Any]:
        """Runs one handler: `code`, `fn`, `ctx` and `authType`; returns what the worker script answers.

        Raises:
            NodeWorkerTimeout: It took too long.
            NodeWorkerError: Node is missing, or the process ended.
        """
        worker = self._lease()
        keep = False
        try:
            reply = worker.call(request, self._timeout_seconds if timeout is None else timeout)
            keep = True
            return reply
        finally:
            self._release(worker, keep=keep)

    def reset(self) -> None:
        """Ends all processes; a call in flight fails."""
        with self._lock:
            idle, self._idle = self._idle, []
            for worker in self._busy:
                worker.kill()
        for worker in idle:
            worker.end()

    def _lease(self) -> "_Worker":
        with self._lock:
            while self._idle:
                worker = self._idle.pop()
                if worker.alive:
                    self._busy.add(worker)
                    return worker
                worker.end()
            worker = _Worker(self._script)
            self._busy.add(worker)
            return worker

    def _release(self, worker: "_Worker", *, keep: bool) -> None:
        with self._lock:
            self._busy.discard(worker)
            if keep and len(self._idle) < _IDLE_MAX_PROCESSES:
                self._idle.append(worker)
                return
        worker.end()


class _Worker:
    """One Node process; one call at a time."""

    def __init__(self, script: str) -> None:
        command = [node_pool._NODE_BINARY, f"--max-old-space-size={_MAX_OLD_SPACE_MB}", "-e", script]
        try:
            # What resolvers log goes to stderr, which is the emulator's log.
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        except FileNotFoundError as error:
            raise node_pool.NodeWorkerError("node was not found on PATH", reason="missing_node") from error
        assert self._process.stdin is not None  # noqa: S101 - both are pipes
        assert self._process.stdout is not None  # noqa: S101
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        self._answered = selectors.DefaultSelector()
        self._answered.register(self._stdout, selectors.EVENT_READ)
        self._id_by_code: dict[str, int] = {}
        self._variables: Any = None

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def call(self, request: dict[str, Any], timeout_seconds: float) -> dict[str, Any]:
        line = json.dumps(self._without_what_was_sent(request)).encode() + b"\n"
        try:
            # A raw pipe may accept only a part.
            unwritten = memoryview(line)
            while unwritten:
                unwritten = unwritten[self._stdin.write(unwritten) :]
        except OSError as error:
            raise _closed() from error
        reply: dict[str, Any] = json.loads(self._read_line(timeout_seconds))
        return reply

    def kill(self) -> None:
        """Kills the process; the thread that waits for its answer, if any, gets an error and calls `end`."""
        self._process.kill()

    def end(self) -> None:
        """Kills the process and frees what it held."""
        self.kill()
        self._process.wait()
        self._answered.close()
        for pipe in (self._stdin, self._stdout):
            with suppress(OSError):
                pipe.close()

    def _without_what_was_sent(self, request: dict[str, Any]) -> dict[str, Any]:
        context = request["ctx"]
        variables = context["info"]["variables"]
        short = {**request, "ctx": {**context, "info": {**context["info"], "variables": None}}}
        del short["ctx"]["arguments"]
        code = short.pop("code")
        if code not in self._id_by_code:
            self._id_by_code[code] = len(self._id_by_code)
            short["code"] = code
        short["codeId"] = self._id_by_code[code]
        # The fields of one request share a dict, which is never changed.
        if variables is not self._variables:
            self._variables = variables
            short["variablesText"] = json.dumps(variables)
        return short

    def _read_line(self, timeout_seconds: float) -> bytes:
        line = b""
        while not line.endswith(b"\n"):
            if not self._answered.select(timeout_seconds):
                raise node_pool.NodeWorkerTimeout(f"the resolver took longer than {timeout_seconds} seconds")
            read = os.read(self._stdout.fileno(), _READ_BYTES)
            if not read:
                raise _closed()
            line += read
        return line


def _closed() -> node_pool.NodeWorkerError:
    return node_pool.NodeWorkerError("the resolver's process has ended", reason="closed")
