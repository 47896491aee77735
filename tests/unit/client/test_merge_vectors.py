"""The vectors for clients in other languages are what this client does."""

import json

from tests.vectors.storms import FILE, vectors


def test_the_vectors_are_what_this_client_does():
    assert json.loads(FILE.read_text()) == vectors()


def test_the_storms_meet_every_kind_of_trouble():
    arrivals = [arrival for storm in vectors()["merge"] for arrival in storm]

    assert any(arrival["complete"] for arrival in arrivals)
    assert any(arrival["missing"] for arrival in arrivals)
    assert any(arrival.get("live") == 1_000 for arrival in arrivals)
    assert any(len(arrival["ready"]) > 3 for arrival in arrivals)
