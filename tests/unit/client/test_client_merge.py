"""The merge returns each step once and in order, for messages in any order and number, and invents none."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from runcast.client.merge import Merge
from runcast.client.step import Progress, WatchedStep
from runcast.record.model import RunStatus


def step(seq: int | None) -> WatchedStep:
    return WatchedStep(seq=seq, status="thinking", message="", elapsed_seconds=0.0, timestamp_ms=0)


def progress(after_seq: int, last_seq: int, *, recorded: int, ended: bool) -> Progress:
    """What the reader answers about a run of `recorded` steps when it gives those up to `last_seq`."""
    return Progress(
        after_seq=after_seq,
        steps=tuple(step(seq) for seq in range(after_seq + 1, last_seq + 1)),
        whole=last_seq == recorded,
        status=RunStatus.COMPLETE if ended else RunStatus.IN_PROGRESS,
        liveness="live",
        created_at_ms=0,
        updated_at_ms=0,
    )


@dataclass(frozen=True)
class Told:
    """A run as its job's record shows it: the number of its steps, without the steps."""

    last_seq: int
    ended: bool
    steps: tuple[WatchedStep, ...] = ()


Arrival = WatchedStep | Progress | Told


@dataclass(frozen=True)
class History:
    """A run of `total` steps that ends, and what of it arrived: in any order, late, repeated, or not at all."""

    total: int
    arrivals: list[Arrival]


def histories() -> st.SearchStrategy[History]:
    return st.integers(1, 12).flatmap(
        lambda total: st.builds(
            History, st.just(total), st.lists(lives(total) | answers(total) | heads(total), max_size=25)
        )
    )


def lives(total: int) -> st.SearchStrategy[WatchedStep]:
    return st.integers(1, total).map(step)


def heads(total: int) -> st.SearchStrategy[Told]:
    return st.integers(0, total).map(lambda last_seq: Told(last_seq, ended=last_seq == total))


def answers(total: int) -> st.SearchStrategy[Progress]:
    return st.tuples(*[st.integers(0, total)] * 3).map(
        lambda seqs: progress(*sorted(seqs)[:2], recorded=max(seqs), ended=max(seqs) == total)
    )


def take(merge: Merge, arrival: Arrival) -> list[int | None]:
    if isinstance(arrival, Told):
        merge.told(arrival.last_seq, ended=arrival.ended)
        return []
    ready = merge.add_live(arrival) if isinstance(arrival, WatchedStep) else merge.add_recorded(arrival)
    return [each.seq for each in ready]


@given(histories())
def test_each_step_is_given_out_once_in_order_and_complete_is_said_only_with_all(history: History):
    merge, given_out = Merge(), []
    told_of_the_end = False

    for arrival in history.arrivals:
        given_out += take(merge, arrival)
        told_of_the_end |= isinstance(arrival, Told) and arrival.ended
        told_of_the_end |= isinstance(arrival, Progress) and arrival.whole and arrival.status.ended

        assert given_out == list(range(1, merge.held_seq + 1))
        assert merge.recorded <= history.total
        assert merge.missing == merge.recorded - len(given_out)
        assert merge.complete == (told_of_the_end and len(given_out) == history.total)


@given(histories())
def test_what_has_arrived_without_a_hole_is_not_held_back(history: History):
    merge, arrived = Merge(), set()

    for arrival in history.arrivals:
        take(merge, arrival)
        steps = [arrival] if isinstance(arrival, WatchedStep) else arrival.steps
        arrived |= {each.seq for each in steps}

        assert merge.held_seq + 1 not in arrived


@given(histories(), st.integers(1, 5))
def test_reading_on_from_what_is_held_always_completes(history: History, page_steps: int):
    merge, given_out = Merge(), []
    for arrival in history.arrivals:
        given_out += take(merge, arrival)

    while not merge.complete:
        last_seq = min(merge.held_seq + page_steps, history.total)
        given_out += take(merge, progress(merge.held_seq, last_seq, recorded=history.total, ended=True))

    assert given_out == list(range(1, history.total + 1))
    assert not merge._ahead, "what has been given out is kept"


@given(histories())
def test_live_steps_are_counted_once_each_whether_or_not_they_were_needed(history: History):
    merge = Merge()
    for arrival in history.arrivals:
        take(merge, arrival)

    came_live = {arrival.seq for arrival in history.arrivals if isinstance(arrival, WatchedStep)}
    assert merge.received_live == len(came_live)
    assert merge.all_came_live(0) == (came_live >= set(range(1, merge.recorded + 1)))


@given(histories(), st.data())
def test_a_message_without_seq_is_shown_at_once_and_changes_nothing(history: History, data: st.DataObject):
    plain, disturbed = Merge(), Merge()

    for arrival in history.arrivals:
        if data.draw(st.booleans()):
            assert take(disturbed, step(None)) == [None]
        assert take(plain, arrival) == take(disturbed, arrival)

    assert vars(plain) == vars(disturbed)
