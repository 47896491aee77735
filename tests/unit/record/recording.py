"""What the tests of the recorder share: a store that fails on cue, a live channel that checks, and a recorder."""

from __future__ import annotations

import threading
from collections import deque

from runcast.errors import StoreUnavailable
from runcast.record.model import Owner
from runcast.record.recorder import Recorder

ALICE = Owner("acme", "alice")


class Crash(BaseException):
    """A worker dies: nothing of it runs on."""


class FailingStore:
    """A store whose writes fail as a script says.

    A write is "fine", fails "before" or "after" it took effect, hangs until `hang` is set and then fails ("hang") or
    does what the script says next ("pause"), or is its worker's last ("crash before", "crash after").

    Attributes:
        writes: How many writes were asked for.
        last_append: What the last append was given, but for its run.
    """

    def __init__(self, store, script=()):
        self._store = store
        self.script(script)
        self.writes = 0
        self.hang = threading.Event()
        self.last_append = {}

    def script(self, fates):
        self._script = deque(fates)

    def claim(self, *args, **kwargs):
        return self._write(self._store.claim, args, kwargs)

    def append(self, *args, **kwargs):
        self.last_append = kwargs
        return self._write(self._store.append, args, kwargs)

    def put_page(self, *args, **kwargs):
        return self._write(self._store.put_page, args, kwargs)

    def end(self, *args, **kwargs):
        return self._write(self._store.end, args, kwargs)

    def ask_to_cancel(self, *args, **kwargs):
        return self._write(self._store.ask_to_cancel, args, kwargs)

    def hint_cancel(self, run):
        self._store.hint_cancel(run)

    def is_cancel_hinted(self, request_id, worker):
        return self._store.is_cancel_hinted(request_id, worker)

    def learn_time(self):
        self._store.learn_time()

    def read(self, request_id):
        return self._store.read(request_id)

    @property
    def now_ms(self):
        return self._store.now_ms

    def _write(self, write, args, kwargs):
        self.writes += 1
        fate = self._script.popleft() if self._script else "fine"
        if fate in ("hang", "pause"):
            self.hang.wait()
        if fate == "pause":
            fate = self._script.popleft()
        if fate == "no memory":
            raise MemoryError
        if fate in ("before", "hang"):
            raise StoreUnavailable("no answer")
        if fate == "crash before":
            raise Crash
        answer = write(*args, **kwargs)
        if fate == "after":
            raise StoreUnavailable("no answer")
        if fate == "crash after":
            raise Crash
        return answer


class Live:
    """Takes status messages, and checks at once that the record already holds each."""

    def __init__(self, store):
        self._store = store
        self.messages = []
        self.too_early = []

    def __call__(self, messages):
        run = self._store.read(messages[0]["requestId"])
        self.too_early += [message for message in messages if message["seq"] > run.seq]
        self.messages += messages
        return len(messages)


def make(store, clock, *, on_stop=None, **more):
    """Make a recorder for which time passes only as `clock` says."""
    given = {"request_id": "r1", "owner": ALICE, "agent": "terrain", "worker": "w1", "now_ms": clock}
    recorder = Recorder(store, **{**given, "monotonic": lambda: clock() / 1000, **more})
    if on_stop is not None:
        recorder.when_stopped(on_stop)
    return recorder


def all_steps(store, request_id="r1"):
    """Every step of a record, the pages' first."""
    run = store.read(request_id)
    return [*(store.read_pages(request_id, run.owner, run.pages) if run.pages else ()), *run.steps]
