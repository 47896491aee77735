"""Text from any agent or model is made valid, and cut between what people see as characters."""

from __future__ import annotations

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from runcast.text import boundary, shortened, utf16_length, well_formed

# What joins, continues or precedes: marks, joiners, skin tones, flags, Hangul, Indic and Thai letters.
JOINING = (
    "a\r\n\u0301\u200d\u200c👩👧🏽❤\ufe0f🇩🇪🏴\U000e0067\U000e007f"
    + "क\u094dष\u093f한ᄀ각ᆨ가\u0e33ก\u0600\u0661עع\u064b\uff9eカ"
)
SEEN_AS_ONE = (
    *("👨\u200d👩\u200d👧\u200d👦", "🇩🇪", "👍🏽", "e\u0301", "क\u094dष"),
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
)
CHARACTERS = st.sampled_from(JOINING) | st.characters(exclude_categories=["Cs", "Cn"])
ANY_TEXT = st.text(st.characters(exclude_categories=[]))


@given(st.text(CHARACTERS, max_size=40))
def test_no_character_is_parted(text):
    edges = {0} | {match.end() for match in regex.finditer(r"\X", text)}
    for index in range(len(text) + 1):
        assert boundary(text, index) <= index
        assert boundary(text, index) in edges


def test_plain_text_is_cut_where_asked():
    assert [boundary("Küche 中文", index) for index in range(9)] == list(range(9))


def test_a_character_without_end_is_parted():
    assert boundary("a" + "\u0301" * 1_000, 500) == 500
    assert boundary("a" + "\u0301" * 1_000, 64) == 0


@pytest.mark.parametrize("seen", SEEN_AS_ONE)
def test_a_shortened_text_ends_in_a_whole_character(seen):
    for filler in range(40, 60):
        kept = shortened("x" * filler + seen + "y" * 100, 100).split("…")[0]
        assert "x" * len(kept) == kept or kept.startswith("x" * filler + seen)


@given(ANY_TEXT, st.integers(min_value=0, max_value=200))
def test_a_shortened_text_fits_and_says_so(text, most):
    short = shortened(text, most)
    assert len(short) <= most
    whole = well_formed(text)
    assert short == whole or most < 60 or f"shortened from {len(whole)} characters" in short


@given(ANY_TEXT)
def test_any_text_has_a_utf8_form_of_the_same_length_in_utf16(text):
    made = well_formed(text)
    assert made.encode().decode() == made
    assert utf16_length(made) == len(text.encode("utf-16-le", "surrogatepass")) // 2


def test_halves_of_a_surrogate_pair():
    assert well_formed("a\ud800b") == "a\ufffdb"
    assert well_formed("\ud83d\ude00") == "😀"
