"""Makes text from models, tools and clients valid, measures it as JavaScript does, and cuts it between characters.

A model can emit half a surrogate pair, which UTF-8 encoders reject. A visible character (a flag, a family emoji, a
letter with its marks) is often several code points, so text is never cut inside one. The rules are a simplified
UAX #29: they may keep two separate characters together, but never split one.

Source: https://unicode.org/reports/tr29/#Grapheme_Cluster_Boundary_Rules
"""

from __future__ import annotations

import string
import unicodedata

REPLACEMENT = "\ufffd"
"""Replaces half a surrogate pair."""

_ZERO_WIDTH_JOINER = "\u200d"
_VIRAMA_CLASS = 9
_CLUSTER_MAX_CHARACTERS = 64

# What keys and tokens consist of, and how much of one its pattern needs at most (`redaction`).
_OF_KEYS = string.ascii_letters + string.digits + "+/=_.~-"
_KNOWN_BY_CHARACTERS = 64

# Code points that continue a character but are not marks (category M): joiners, half-width sound marks, skin tones,
# the letters of subdivision flags, and two vowels.
_CONTINUING = (
    *((0x200C, 0x200D), (0xFF9E, 0xFF9F), (0x1F3FB, 0x1F3FF), (0xE0020, 0xE007F)),
    *((0x0E33, 0x0E33), (0x0EB3, 0x0EB3)),
)
# Code points that belong to the character after them.
_PREPENDED = (
    *((0x0600, 0x0605), (0x06DD, 0x06DD), (0x070F, 0x070F), (0x0890, 0x0891), (0x08E2, 0x08E2), (0x0D4E, 0x0D4E)),
    *((0x110BD, 0x110BD), (0x110CD, 0x110CD), (0x111C2, 0x111C3), (0x1193F, 0x1193F), (0x11941, 0x11941)),
    *((0x11A3A, 0x11A3A), (0x11A84, 0x11A89), (0x11D46, 0x11D46), (0x11F02, 0x11F02)),
)
_HANGUL_LETTERS = ((0x1100, 0x11FF), (0xA960, 0xA97F), (0xD7B0, 0xD7FF))
_HANGUL_SYLLABLES = ((0xAC00, 0xD7A3),)
_FLAG_LETTERS = ((0x1F1E6, 0x1F1FF),)

_Ranges = tuple[tuple[int, int], ...]


def is_well_formed(text: str) -> bool:
    """Return whether the text can be encoded as UTF-8: it contains no half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def well_formed(text: str) -> str:
    """Return the text in a form that can be encoded as UTF-8.

    Two halves of a surrogate pair become their character; a single half becomes `REPLACEMENT`.
    """
    if is_well_formed(text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def utf16_length(text: str) -> int:
    """Return the length of well-formed text in UTF-16 code units: its `length` in JavaScript."""
    return len(text.encode("utf-16-le")) // 2


def shortened(text: object, max_characters: int) -> str:
    """Return the text, well formed, and cut with a visible mark if it exceeds `max_characters` code points."""
    whole = well_formed(str(text))
    return whole if len(whole) <= max_characters else cut(whole, max_characters)


def cut(text: str, max_characters: int) -> str:
    """Return the beginning of the text and a mark with its full length, in at most `max_characters` code points.

    A short beginning of a word is left out: it may be a secret's, which redaction would not recognize.
    """
    mark = f"… [shortened from {len(text)} characters]"
    end = boundary(text, max(0, max_characters - len(mark)))
    if end < len(text) and text[end] in _OF_KEYS:
        kept = len(text[max(0, end - _KNOWN_BY_CHARACTERS) : end].rstrip(_OF_KEYS))
        begin = max(0, end - _KNOWN_BY_CHARACTERS) + kept
        end = begin if end - begin < _KNOWN_BY_CHARACTERS else end
    return text[:end] + mark[:max_characters]


def boundary(text: str, index: int) -> int:
    """Return the last place up to `index` at which the text can be cut without splitting a character.

    A character of more than 64 code points is split, because only malicious text contains one.
    """
    for place in range(index, max(0, index - _CLUSTER_MAX_CHARACTERS), -1):
        if place >= len(text) or not _is_within_character(text, place):
            return place
    return index if index > _CLUSTER_MAX_CHARACTERS else 0


def _is_within_character(text: str, place: int) -> bool:
    before, after = text[place - 1], text[place]
    if after < "\u0300":  # except for a line feed, all continuing code points are higher
        return (before == "\r" and after == "\n") or before == _ZERO_WIDTH_JOINER or _in(before, _PREPENDED)
    return (
        before == _ZERO_WIDTH_JOINER
        or unicodedata.category(after).startswith("M")
        or _in(after, _CONTINUING)
        or _in(before, _PREPENDED)
        or (_in(after, _FLAG_LETTERS) and _flag_letters_before(text, place) % 2 == 1)
        or (_in(after, _HANGUL_LETTERS) and _in(before, _HANGUL_LETTERS + _HANGUL_SYLLABLES))
        or (_in(after, _HANGUL_SYLLABLES) and _in(before, _HANGUL_LETTERS))
        or (unicodedata.category(after) == "Lo" and _ends_in_virama(text, place))
    )


def _in(character: str, ranges: _Ranges) -> bool:
    code = ord(character)
    return any(first <= code <= last for first, last in ranges)


def _flag_letters_before(text: str, place: int) -> int:
    first = place
    while first > 0 and _in(text[first - 1], _FLAG_LETTERS):
        first -= 1
    return place - first


def _ends_in_virama(text: str, place: int) -> bool:
    """Return whether the marks before `place` include the sign that joins two consonants."""
    for character in reversed(text[max(0, place - _CLUSTER_MAX_CHARACTERS) : place]):
        if unicodedata.combining(character) == _VIRAMA_CLASS:
            return True
        if character != _ZERO_WIDTH_JOINER and not unicodedata.category(character).startswith("M"):
            return False
    return False
