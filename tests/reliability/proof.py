"""`make chaos-proof`: removes one guard of the record at a time; the histories must notice.

    python -m tests.reliability.proof [WORDS OF A GUARD]

An unnoticed mutation shows a promise that nothing checks. Each is tried in a separate process, which changes the source
as it imports it, and stops at the first broken promise. A history that never ends must say so itself, as `hung`: one
that runs into the time limit here counts as not noticed.
"""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.machinery
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from tests.reliability.mutation import Mutation, changed
from tests.reliability.mutations import MUTATIONS

PROJECT = Path(__file__).resolve().parents[2]
# Few histories first, because most mutations are noticed by few. Their sum is a quarter of what `make chaos` plays.
ROUNDS = (20, 80, 400, 1_000, 1_000)
_SECONDS = 1_800
_AT_ONCE = 2
# Modules that take long to import and are not mutated.
_PRELOADED = ["boto3", "hypothesis.stateful", "moto", "pytest"]


class Verdict(NamedTuple):
    """What the histories say of the code without a guard: how many were played, and which promise broke, if any."""

    played: int
    kind: str | None = None
    why: str = ""

    def __str__(self) -> str:
        return f"{self.kind or 'nothing'} after {self.played} histories{self.why and ': '}{self.why}"


def try_without(mutation: Mutation | None) -> Verdict:
    """Play histories without a guard, until a promise is broken or all are played. Only once in a process."""
    signal.alarm(_SECONDS)  # ends the process
    if mutation and mutation.test:
        with _mutated(mutation):
            return _tested(mutation.test)
    with _mutated(mutation), Path(os.devnull).open("w") as nowhere, contextlib.redirect_stderr(nowhere):
        from tests.reliability.chaos import Tally, play_in_memory, quiet  # only now, because it imports what is mutated

        quiet()
        total = Tally()
        for number, count in enumerate(ROUNDS, 1):
            total += play_in_memory(count, number)
            for kind in total.broken:
                return Verdict(total.runs, kind, total.why)
    return Verdict(total.runs)


def _tested(test: str) -> Verdict:
    """Run a test without a guard. A fault in the test's own code counts as not noticed."""
    with (
        Path(os.devnull).open("w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        # What is preloaded is not rewritten, and need not be.
        options = ["-q", "-x", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
        code = pytest.main([*options, str(PROJECT / test)])
    return Verdict(1, "changed", test) if code is pytest.ExitCode.TESTS_FAILED else Verdict(1)


class _Mutated(importlib.machinery.SourceFileLoader):
    def __init__(self, name: str, path: str, mutation: Mutation) -> None:
        super().__init__(name, path)
        self._mutation = mutation

    def path_stats(self, path: str) -> Any:
        raise OSError("neither read nor write bytecode")

    def get_data(self, path: str) -> bytes:
        return changed(super().get_data(path).decode(), self._mutation).encode()


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, mutation: Mutation) -> None:
        self._mutation = mutation
        self.found = False

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is None or spec.origin != str(PROJECT / self._mutation.path):
            return None
        self.found = True
        spec.loader = _Mutated(name, spec.origin, self._mutation)
        return spec


@contextlib.contextmanager
def _mutated(mutation: Mutation | None) -> Iterator[None]:
    if mutation is None:
        yield
        return
    finder = _Finder(mutation)
    sys.meta_path.insert(0, finder)
    yield
    if not finder.found:
        raise RuntimeError(f"{mutation.path} was not imported after it was mutated")


def main(words: list[str]) -> int:
    """Try each mutation, or those whose guards contain the words, and print the outcome; 1 if one is not noticed."""
    chosen = [mutation for mutation in MUTATIONS if " ".join(words) in mutation.guard]
    context = get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    failed = 0
    with ProcessPoolExecutor(_AT_ONCE, mp_context=context, max_tasks_per_child=1) as pool:
        nothing = None if words else pool.submit(try_without, None)
        tried = [(mutation, pool.submit(try_without, mutation)) for mutation in chosen]
        for mutation, verdict in tried:
            said = verdict.result()
            failed += said.kind is None
            print(f"{'noticed' if said.kind else 'NOT NOTICED':11} {mutation.guard}: {said}", flush=True)
        if nothing and nothing.result().kind:
            print(f"BROKEN      (nothing is taken away): {nothing.result()}")
            failed += 1
    print(f"chaos-proof: {len(chosen)} guards taken away, {failed} not noticed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
