"""Any Python value becomes JSON text that every reader parses, within its limit; only bad parts are replaced."""

from __future__ import annotations

import datetime
import enum
import json
import math
import subprocess
from collections import UserString, deque
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runcast import limits
from runcast.json_text import metadata_json, result_json
from runcast.plain_json import plain

LARGEST = int(1.7e308)
EXACT = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-LARGEST, LARGEST)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
ANY_TEXT = st.text(st.characters(exclude_categories=[]))
ODD = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**400, object(), object, range(3), b"\xff", bytearray(b"x"), ...])
    | st.just(None).map(lambda _: 10**5000)
    | st.floats()
    | st.decimals()
    | st.fractions()
    | st.complex_numbers()
    | ANY_TEXT
    | st.binary()
    | st.datetimes()
    | st.uuids()
    | st.sampled_from([np.float32(1.5), np.float64("nan"), np.int64(7), np.bool_(True), np.longdouble(2), np.arange(3)])
)
ANYTHING = st.recursive(
    ODD,
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.frozensets(st.integers() | ANY_TEXT)
        | st.dictionaries(
            ANY_TEXT | st.integers() | st.floats() | st.tuples(st.integers(), ANY_TEXT) | st.none(), inner
        )
    ),
    max_leaves=20,
)


class Unspeakable:
    def __str__(self):
        raise OSError("no")


class Colour(enum.StrEnum):
    RED = "red"


def nested(levels, innermost=1):
    value = innermost
    for _ in range(levels):
        value = {"a": value}
    return value


def strict(text: str):
    """Parse as other languages do: without NaN and infinity."""

    def refuse(constant):
        raise AssertionError(constant)

    return json.loads(text, parse_constant=refuse)


@given(EXACT)
def test_json_survives_as_it_was(value):
    kept, unreadable = plain(value)
    assert (json.dumps(kept), unreadable) == (json.dumps(value), [])
    assert strict(result_json(value) or "null") == value


@given(ANYTHING)
@settings(max_examples=300)
def test_any_value_becomes_json_within_its_limit(value):
    for text, most in (
        (result_json(value), limits.RESULT_MAX_BYTES),
        (metadata_json({"value": value}), limits.METADATA_MAX_BYTES),
    ):
        if text is not None:
            assert len(text.encode()) <= most
            parsed = strict(text)
            assert json.dumps(parsed, allow_nan=False)


@given(st.lists(ANYTHING, min_size=1, max_size=40))
@settings(max_examples=4)
def test_node_parses_it_too_and_gives_it_back(values):
    texts = [result_json(value) or "null" for value in values]
    script = "process.stdout.write(JSON.stringify(require('fs').readFileSync(0, 'utf8').split('\\n').map(JSON.parse)))"
    # A line for each: JSON on one line contains no line feed.
    done = subprocess.run(["node", "-e", script], input="\n".join(texts).encode(), capture_output=True, check=True)
    for ours, theirs in zip(map(json.loads, texts), json.loads(done.stdout), strict=True):
        assert as_javascript(ours) == as_javascript(theirs)


def as_javascript(value):
    """Every number as the double that JavaScript has for it."""
    match value:
        case bool() | None | str():
            return value
        case int() | float():
            return float(value)
        case list():
            return [as_javascript(item) for item in value]
    return {name: as_javascript(member) for name, member in value.items()}


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (Decimal("2.50"), 2.5),
        (Decimal("1E+3"), 1000),
        (Decimal("12345678901234567890"), 12345678901234567890),
        (Fraction(1, 4), 0.25),
        (np.float32(1.5), 1.5),
        (np.longdouble(1.5), 1.5),
        (np.int64(2**62 + 1), 2**62 + 1),
        (np.bool_(True), True),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.datetime64("2026-01-02"), "2026-01-02"),
        (np.timedelta64(3, "s"), "3 seconds"),
        ((1, "a"), [1, "a"]),
        ({1}, [1]),
        (deque([1, 2]), [1, 2]),
        (range(3), [0, 1, 2]),
        (Colour.RED, "red"),
        (UserString("red"), "red"),
        (datetime.date(2026, 1, 2), "2026-01-02"),
        ({None: 1, True: 2, 1.5: 3, 7: 4}, {"null": 1, "true": 2, "1.5": 3, "7": 4}),
        ({1: "a", "1": "b"}, {"1": "a", "1_": "b"}),
        (-0.0, -0.0),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_json_has_another_form_for_is_converted(value, kept):
    made, unreadable = plain(value)
    assert (made, type(made), unreadable) == (kept, type(kept), [])


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (math.nan, "NaN"),
        (-math.inf, "-Infinity"),
        (Decimal("sNaN"), "NaN"),
        (Decimal("Infinity"), "Infinity"),
        (Decimal("1E+400"), "a number beyond 1.8e308"),
        (10**400, "a number beyond 1.8e308"),
        (np.float64("nan"), "NaN"),
        (b"\x00\xff", "2 bytes"),
        pytest.param(object(), "object", id="object"),
        (np.zeros((1_000, 1_000)), "an array of 1000000 values"),
        pytest.param(Unspeakable(), "OSError", id="Unspeakable"),
        (nested(100), "nested deeper than 100"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_one_bad_value_is_replaced_by_its_path_and_the_rest_is_kept(value, reason):
    kept, unreadable = plain({"rows": [1, {"wind speed": value}], "ok": "yes"})
    [bad] = unreadable
    assert bad.reason == reason
    assert bad.path.startswith('$.rows[1]["wind speed"]')
    assert (kept["rows"][0], kept["ok"]) == (1, "yes")
    innermost = kept["rows"][1]["wind speed"]
    while "a" in innermost:
        innermost = innermost["a"]
    assert innermost == {"unreadable": reason, "path": bad.path}


def test_a_key_without_text_takes_nothing_else_along():
    kept, unreadable = plain({10**5000: 1, "a": 2})
    assert kept == {"int": 1, "a": 2}
    assert [(bad.path, bad.reason) for bad in unreadable] == [("$.int", "a key without text: ValueError")]


def test_a_key_and_a_text_that_cannot_be_kept_are_named():
    kept, unreadable = plain({(1, 2): "half \ud83d"})
    assert kept == {"(1, 2)": "half \ufffd"}
    assert [(bad.path, bad.reason) for bad in unreadable] == [
        ('$["(1, 2)"]', "a key of type tuple"),
        ('$["(1, 2)"]', "half a surrogate pair"),
    ]


def test_100_levels_are_kept():
    assert plain(nested(100)) == (nested(100), [])


@pytest.mark.parametrize("levels", [101, 975, 985, 100_000])
def test_what_is_nested_deeper_is_cut_there(levels):
    text = metadata_json(nested(levels))
    assert json.dumps(strict(text)).count('"a"') == 100
    assert "nested deeper than 100" in text


def test_a_value_that_holds_itself_is_cut_there():
    metadata: dict = {"n": 1}
    metadata["self"] = metadata
    assert strict(metadata_json(metadata)) == {"n": 1, "self": {"unreadable": "it holds itself", "path": "$.self"}}


def test_a_value_that_repeats_without_end_is_bounded():
    value: list = [1]
    for _ in range(90):
        value = [value, value]
    kept, unreadable = plain(value)
    assert unreadable[0].reason == f"more than {limits.JSON_MAX_VALUES} values"
    assert len(json.dumps(kept)) < 100 * limits.JSON_MAX_VALUES


def test_what_is_replaced_is_logged_with_its_path(caplog):
    metadata_json({"a": {"b": math.nan}})
    assert "$.a.b: NaN" in caplog.text


def test_metadata_over_the_limit_is_replaced_visibly():
    text = metadata_json({"x": "y" * limits.METADATA_MAX_BYTES})
    assert strict(text) == {"shortened": True, "bytes": limits.METADATA_MAX_BYTES + 8}


@pytest.mark.parametrize("letter", ["y", "é", "中", "😀"])
def test_limits_count_utf8_bytes(letter):
    letters = (limits.METADATA_MAX_BYTES - 8) // len(letter.encode())
    assert strict(metadata_json({"x": letter * letters})) == {"x": letter * letters}
    assert "shortened" in strict(metadata_json({"x": letter * (letters + 1)}))
    letters = (limits.RESULT_MAX_BYTES - 2) // len(letter.encode())
    assert strict(result_json(letter * letters)) == letter * letters
    assert "[shortened from" in strict(result_json(letter * (letters + 1)))


def test_no_metadata_is_none():
    assert metadata_json({}) is None
    assert metadata_json(None) is None


@pytest.mark.parametrize(
    "result", ["x" * 100_000, "é\n" * 60_000, {"text": "x" * 100_000}, "中" * 30_000, "😀" * 50_000]
)
def test_a_result_over_the_limit_is_shortened_visibly_and_fills_its_room(result):
    text = result_json(result)
    assert limits.RESULT_MAX_BYTES - 10 < len(text.encode()) <= limits.RESULT_MAX_BYTES
    assert "[shortened from" in strict(text)


def test_a_result_within_the_limit_is_kept():
    assert strict(result_json({"a": [1, None, "é"]})) == {"a": [1, None, "é"]}
    assert result_json(None) is None


def question(number, reason):
    return {"id": f"v1:tool_call:{number}", "name": f"ask-{number}", "reason": reason}


def asked(*questions, **beside):
    text = metadata_json({"interrupts": list(questions), **beside}, questions=True)
    assert len(text.encode()) <= limits.METADATA_MAX_BYTES + limits.QUESTIONS_MAX_BYTES
    return strict(text)


def test_a_question_has_room_of_its_own():
    questions = [question(1, "中" * 20_000), question(2, {"options": ["yes", "no"]})]
    assert asked(*questions, usage={"n": 1}) == {"interrupts": questions, "usage": {"n": 1}}


def test_only_the_text_of_a_question_is_shortened():
    kept = asked(question(1, {"text": "中" * 50_000, "draft": "short"}), question(2, "y" * 50_000))
    assert [(each["id"], each["name"]) for each in kept["interrupts"]] == [
        ("v1:tool_call:1", "ask-1"),
        ("v1:tool_call:2", "ask-2"),
    ]
    first, second = (each["reason"] for each in kept["interrupts"])
    assert first["draft"] == "short"
    assert first["text"].endswith("… [shortened from 50000 characters]")
    assert second.endswith("… [shortened from 50000 characters]")
    assert len(json.dumps(kept, ensure_ascii=False).encode()) > limits.QUESTIONS_MAX_BYTES * 0.9


def test_what_stands_beside_the_questions_does_not_cost_them_their_room():
    kept = asked(question(1, "why?"), note="z" * 9_000)
    assert kept == {"interrupts": [question(1, "why?")], "shortened": True, "bytes": 9_011}


def test_a_name_within_a_question_is_text_as_any_other():
    [kept] = asked(question(1, {"name": "x" * 70_000, "id": [{"id": "y" * 70_000}]}))["interrupts"]
    assert kept["reason"]["name"].endswith("… [shortened from 70000 characters]")


def test_reasons_that_no_shorter_text_makes_fit_are_left_out():
    kept = asked(question(1, [1] * 39_000), question(2, "why?"))["interrupts"]
    assert kept == [question(1, {"shortened": True, "bytes": 78_001}), question(2, {"shortened": True, "bytes": 6})]


def test_questions_without_number_are_replaced_visibly():
    kept = asked(*(question(number, "why?") for number in range(5_000)))
    assert kept["interrupts"]["shortened"] is True
