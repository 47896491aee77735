"""A text that arrives as steps and deltas in any order is complete, and never shrinks."""

from __future__ import annotations

import itertools

import pytest

from runcast.client.live_text import LiveText

TEXT = "wörd 🏝 and 🇨🇭"
# Steps hold the text once; deltas repeat what has come since the last step.
PIECES = ((0, "wörd "), (5, "🏝"), (5, "🏝 and"), (7, " and 🇨🇭"), (0, "wör"))


@pytest.mark.parametrize("order", list(itertools.permutations(PIECES)))
def test_any_order_gives_the_text(order):
    joined, before = LiveText(), ""
    for piece in order:
        joined.add(*piece)
        assert str(joined).startswith(before)
        before = str(joined)
    assert before == TEXT


def test_a_piece_after_a_gap_waits_for_it():
    joined = LiveText()
    joined.add(5, "later")
    assert str(joined) == ""
    joined.add(0, "first")
    assert str(joined) == "firstlater"
