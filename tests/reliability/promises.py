"""The invariants of every record, used by the histories and by the real runs of `make chaos`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NoReturn

from runcast.record.model import Run, Step

ENDS = {"complete", "error", "cancelled"}
KINDS = ("lost", "repeated", "hung", "changed", "run twice")

Kind = Literal["lost", "repeated", "hung", "changed", "run twice"]


class Broken(AssertionError):
    """A promise did not hold: a step was lost or repeated, a run hung, its result changed, or a tool ran twice."""

    def __init__(self, kind: Kind, why: str) -> None:
        super().__init__(f"{kind}: {why}")
        self.kind = kind


def broken(kind: Kind, why: str) -> NoReturn:
    raise Broken(kind, why)


def check_order(run: Run, steps: Sequence[Step]) -> None:
    """`seq` is 1, 2, 3 ..., and the head has their number."""
    seqs = [step.seq for step in steps]
    if len(seqs) > len(set(seqs)):
        broken("repeated", f"a number is borne twice: {seqs}")
    if seqs != list(range(1, run.seq + 1)):
        broken("lost", f"the record says {run.seq} steps and holds {seqs}")


def check_one_end(run: Run, steps: Sequence[Step]) -> None:
    """Exactly one end, which is the last step, and none while the run is open."""
    ends = [step.seq for step in steps if step.step in ENDS]
    if ends != ([run.seq] if run.status.ended else []):
        broken("repeated" if len(ends) > 1 else "changed", f"{run.status.value}, of {run.seq} steps the ends: {ends}")


def check_beginning(stored: Sequence[object], told: Sequence[object]) -> None:
    """The stored steps are a prefix of the reported ones, in order."""
    if stored != told[: len(stored)]:
        twice = len(stored) > len(set(stored)) and len(told) == len(set(told))
        broken("repeated" if twice else "lost", f"told {told}, stored {stored}")


def check_once(seqs: Sequence[int]) -> None:
    """Each status message went out once."""
    if len(seqs) > len(set(seqs)):
        broken("repeated", f"sent twice: {seqs}")
