"""The measurement of a checkpointing agent runs, without its waits."""

from bench import long_runs


def test_a_turn_and_the_journal_of_its_call_are_measured(monkeypatch):
    monkeypatch.setattr(long_runs, "_REPETITIONS", 1)
    monkeypatch.setattr(long_runs, "_TURNS", 3)
    monkeypatch.setattr(long_runs, "_REQUEST_SECONDS", 0)
    turn, journal = long_runs.measure_long_runs()
    assert [len(values) for values in turn.repetitions] == [2]  # between the ends of three calls
    assert [len(values) for values in journal.repetitions] == [3]
    assert journal.goals == {"p50": 15}
