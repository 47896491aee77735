"""`make chaos`: many histories and real runs, with the result in one line.

    python -m tests.reliability.chaos --seed 7 --histories 10000 --runs 500

Most histories are played in memory, the rest against every engine that answers as DynamoDB; the real runs are divided
among the engines that listen on a port. Both halves run at once. It exits with 1 if a promise was broken.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import get_state_machine_test

from runcast import limits
from tests.fakes.agent_progress import create_agent_progress
from tests.reliability.backends import backends, dynamodb, why_no_judge
from tests.reliability.bounded import Endless
from tests.reliability.histories import Histories
from tests.reliability.owners import Owners
from tests.reliability.promises import KINDS, Broken
from tests.reliability.real_runs import Came, RealRuns
from tests.unit.conftest import TABLE_NAME

STEPS_OF_A_HISTORY = 20
RUNS_AT_ONCE = 8
# Longer than the lease.
FROZEN_SECONDS = 20
_BATCH = 250
# How many of a hundred histories are played on the expensive engines: over the network, or through moto.
_PERCENT_ELSEWHERE = 2
# Beside so many histories of one run, one of several owners.
_OWNERS_SHARE = 4


class Tally(NamedTuple):
    """The counts of runs, faults and broken promises; tallies add up."""

    faults: int = 0
    runs: int = 0
    steps: int = 0
    broken: Counter[str] = Counter()  # noqa: RUF012 - never changed
    why: str = ""

    def __add__(self, other: Any) -> Tally:
        return Tally(
            self.faults + other.faults, self.runs + other.runs, self.steps + other.steps, self.broken + other.broken,
            self.why or other.why,
        )  # fmt: skip

    def line(self) -> str:
        lost, repeated, hung, changed, run_twice = (self.broken[kind] for kind in KINDS)
        return (
            f"chaos: {self.faults} faults, {self.runs} runs, {self.steps} steps: "
            f"{lost} lost, {repeated} repeated, {hung} hung, {changed} changed results, "
            f"{run_twice} tools run twice"
        )


def play_histories(client: Any, *, count: int, number: int) -> Tally:
    """Play histories against one engine, whose table is there, until they are done or one is broken."""
    total = Counter[str]()

    class Counted(Histories):
        def teardown(self) -> None:
            try:
                super().teardown()
            finally:
                total.update(faults=self.faults, runs=1, steps=len(self.seen))

    Counted.client = client
    broken = _broken_by(lambda: seed(number)(get_state_machine_test(Counted, settings=_settings(count)))())
    return broken + Tally(total["faults"], total["runs"], total["steps"])


def play_owners(client: Any, *, count: int, number: int) -> Tally:
    """Play histories of several owners against one engine, until they are done or one is broken."""
    total = Counter[str]()

    class Counted(Owners):
        def teardown(self) -> None:
            super().teardown()
            total.update(runs=1, steps=self.actions)

    Counted.client = client
    broken = _broken_by(lambda: seed(number)(get_state_machine_test(Counted, settings=_settings(count)))())
    return broken + Tally(0, total["runs"], total["steps"])


def do_real_runs(client: Any, *, numbers: Iterable[int], number: int, frozen_seconds: float | None = None) -> Tally:
    """Do real runs against one engine, several at once; beside them two whose workers freeze for so long, if given."""
    runs = RealRuns(client, number)
    ways: list[Callable[[], Came]] = [partial(runs.run, each) for each in numbers]
    if frozen_seconds is not None:
        freeze = partial(runs.freeze, seconds=frozen_seconds, lease_ms=limits.LEASE_MS)
        ways[:0] = [partial(freeze, f"chaos-{number}-frozen-{ended}", ended=ended) for ended in (False, True)]

    def one(way: Callable[[], Came]) -> Tally:
        came = []
        broken = _broken_by(lambda: came.append(way()))
        return broken + Tally(came[0].faults if came else 0, 1, came[0].steps if came else 0)

    with ThreadPoolExecutor(RUNS_AT_ONCE) as pool:
        return sum(pool.map(one, ways), Tally())


def chaos(*, histories: int, runs: int, number: int, engines: list[str]) -> Tally:
    """Do all of it.

    Args:
        histories: How many histories.
        runs: How many real runs.
        number: The seed.
        engines: The engines in addition to the one in memory.
    """
    elsewhere = histories * _PERCENT_ELSEWHERE // 100 if engines else 0
    sizes = [min(_BATCH, histories - elsewhere - done) for done in range(0, histories - elsewhere, _BATCH)]
    with ProcessPoolExecutor(2, mp_context=get_context("forkserver"), initializer=quiet) as pool:
        in_memory = [pool.submit(play_in_memory, size, number * 1_000 + n) for n, size in enumerate(sizes)]
        listening = [engine for engine in engines if engine != "moto"]
        total = Tally()
        for engine in engines:
            with ExitStack() as stack:
                directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
                client = stack.enter_context(dynamodb(engine, directory))
                create_agent_progress(client, TABLE_NAME)
                if elsewhere >= len(engines):
                    total += play_histories(client, count=elsewhere // len(engines), number=number)
                if engine in listening:
                    share = range(listening.index(engine), runs, len(listening))
                    total += do_real_runs(client, numbers=share, number=number, frozen_seconds=FROZEN_SECONDS)
        return sum((batch.result() for batch in in_memory), total)


def play_in_memory(count: int, number: int) -> Tally:
    """Play histories of one run, and a share of several owners', until they are done or one is broken."""
    with dynamodb("memory", Path()) as client:
        create_agent_progress(client, TABLE_NAME)
        of_owners = play_owners(client, count=-(-count // _OWNERS_SHARE), number=number)
        return of_owners if of_owners.why else of_owners + play_histories(client, count=count, number=number)


def _settings(count: int) -> settings:
    """Settings without shrinking and without earlier examples."""
    return settings(
        max_examples=count, stateful_step_count=STEPS_OF_A_HISTORY, phases=[Phase.generate], report_multiple_bugs=False,
        deadline=None, database=None, print_blob=False, suppress_health_check=list(HealthCheck),
    )  # fmt: skip


def _broken_by(what: Callable[[], Any]) -> Tally:
    """Return the broken promise, if any. Any other error counts as a changed result."""
    try:
        what()
    except (Broken, Endless) as broken:
        traceback.print_exc()
        return Tally(broken=Counter([broken.kind]), why=str(broken))
    except Exception as error:  # noqa: BLE001 - any fault is printed and counted
        traceback.print_exc()
        return Tally(broken=Counter(["changed"]), why=repr(error))
    return Tally()


def quiet() -> None:
    """Silence the library's log lines about the planted faults, which would hide what broke."""
    for name in ("runcast", "chalicelib"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    warnings.simplefilter("ignore")


def _arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=1, help="another number, other histories and runs")
    parser.add_argument("--histories", type=int, default=10_000, help="how many histories to play")
    parser.add_argument("--runs", type=int, default=500, help="how many real runs to do")
    parser.add_argument("--engines", nargs="*", help="which engines to use, besides the one in memory; all by default")
    return parser.parse_args(words)


def main(words: list[str]) -> int:
    """Run it, and print the result."""
    asked = _arguments(words)
    quiet()
    engines = asked.engines
    if engines is None:
        engines = [engine for engine in backends() if engine != "memory"]
        if why_no_judge():
            print(f"chaos: without DynamoDB Local: {why_no_judge()}")
    total = chaos(histories=asked.histories, runs=asked.runs, number=asked.seed, engines=engines)
    print(total.line())
    return 1 if total.broken.total() else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
