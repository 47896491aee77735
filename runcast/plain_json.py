"""Converts any Python value to plain JSON, which `json` writes exactly and every other language can read.

Agents and tools return any Python value: NaN, Decimal, numpy numbers, tuples as keys, cyclic values. A value without a
JSON form is replaced by `{"unreadable": <what it was>, "path": <where>}`; everything around it is kept.
"""

from __future__ import annotations

import json
import math
import numbers
import re
import sys
from collections import UserString
from collections.abc import Iterable, Mapping, Sequence, Set
from decimal import Decimal
from typing import Any, NamedTuple

from runcast import limits
from runcast.text import REPLACEMENT, is_well_formed, shortened, well_formed

_PATH_MAX_CHARACTERS = 200
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TOO_MANY = f"more than {limits.JSON_MAX_VALUES} values"
_NUMBERS = (int, float, Decimal)
_BYTES = (bytes, bytearray, memoryview)
_CONTAINERS = (dict, list, tuple, Mapping, Sequence, Set)  # the abstract ones last, because checking them is slow
# Source: https://numpy.org/doc/stable/reference/generated/numpy.dtype.kind.html
_NUMPY_KINDS = tuple("biufUO")
_NUMPY_TIMES = tuple("mM")
_Place = Any  # (the container's own place, the key or index in it); None is the whole value


class Unreadable(NamedTuple):
    """A value that has no JSON form.

    Attributes:
        path: The value's place as a JSONPath, such as `$.rows[3].speed`.
        reason: Why it has no JSON form: `NaN`, `number beyond 1.8e308`, `nested deeper than 100`, ...
    """

    path: str
    reason: str


def plain(value: Any) -> tuple[Any, list[Unreadable]]:
    """Return a value as plain JSON, and the parts that could not be kept. Never raises.

    - Numbers stay exact; `Decimal`, `Fraction` and numpy's numbers become the nearest int or float.
    - Tuples, sets and numpy arrays become lists; keys become text.
    - Other objects become their `str`.
    - NaN, infinite and too large numbers, bytes, objects that define no `__str__` or `__repr__`, cycles, and values
      nested deeper than `limits.NESTING_MAX` are replaced by `{"unreadable", "path"}`. So are all values after
      `limits.JSON_MAX_VALUES` values.
    - Half a surrogate pair in a text becomes U+FFFD.
    """
    walk = _Walk()
    return walk.plain(value, None, 1), walk.unreadable


class _Walk:
    """One pass over a value; `unreadable` collects the parts that could not be kept."""

    def __init__(self) -> None:
        self.unreadable: list[Unreadable] = []
        self._left = limits.JSON_MAX_VALUES
        self._open: set[int] = set()  # the containers around the current value

    def plain(self, value: Any, place: _Place, depth: int) -> Any:
        self._left -= 1
        try:
            return self._plain(value, place, depth)
        except Exception as error:  # noqa: BLE001 - a __str__ or __iter__ may raise any error
            return self._replace(type(error).__name__, place)

    def _plain(self, value: Any, place: _Place, depth: int) -> Any:
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return self._text(str.__str__(value), place)
        if isinstance(value, _NUMBERS):
            return self._number(value, place)
        if isinstance(value, UserString):  # a sequence of itself
            return self._text(str(value), place)
        if isinstance(value, _BYTES):
            return self._replace(f"{len(value)} bytes", place)
        if isinstance(value, _CONTAINERS):
            return self._container(value, place, depth)
        kind = getattr(getattr(value, "dtype", None), "kind", "")
        if kind in _NUMPY_KINDS:
            if value.size > limits.JSON_MAX_VALUES:  # as Python objects it could take all memory
                return self._replace(f"an array of {value.size} values", place)
            if type(made := value.tolist()) is not type(value):
                return self._plain(made, place, depth)
        if isinstance(value, numbers.Real) and kind not in _NUMPY_TIMES:
            return self._number(float(value), place)
        cls: Any = type(value)
        if cls.__str__ is object.__str__ and cls.__repr__ is object.__repr__:
            return self._replace(cls.__name__, place)
        return self._text(str(value), place)

    def _text(self, text: str, place: _Place) -> str:
        if is_well_formed(text):
            return text
        made = well_formed(text)
        if made.count(REPLACEMENT) > text.count(REPLACEMENT):
            self.unreadable.append(Unreadable(_path(place), "half a surrogate pair"))
        return made

    def _number(self, number: Any, place: _Place) -> Any:
        if isinstance(number, Decimal) and not number.is_finite():
            number = math.nan if number.is_nan() else float(number)
        if isinstance(number, float) and not math.isfinite(number):
            return self._replace("NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity", place)
        if abs(number) > sys.float_info.max:
            return self._replace("a number beyond 1.8e308", place)
        if isinstance(number, int) or (isinstance(number, Decimal) and number == number.to_integral_value()):
            return int(number)
        return float(number)

    def _container(self, value: Any, place: _Place, depth: int) -> Any:
        if depth > limits.NESTING_MAX:
            return self._replace(f"nested deeper than {limits.NESTING_MAX}", place)
        if id(value) in self._open:
            return self._replace("it holds itself", place)
        self._open.add(id(value))
        try:
            return (
                self._members(value, place, depth) if isinstance(value, Mapping) else self._items(value, place, depth)
            )
        finally:
            self._open.discard(id(value))

    def _members(self, value: Mapping[Any, Any], place: _Place, depth: int) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        for key, member in value.items():
            if self._left <= 0:
                kept["…"] = self._replace(_TOO_MANY, place)
                break
            name = self._key(key, place)
            while name in kept:  # 1 and "1" are two keys in Python
                name += "_"
            kept[name] = self.plain(member, (place, name), depth + 1)
        return kept

    def _items(self, value: Iterable[Any], place: _Place, depth: int) -> list[Any]:
        kept: list[Any] = []
        for index, item in enumerate(value):
            if self._left <= 0:
                kept.append(self._replace(_TOO_MANY, (place, index)))
                break
            kept.append(self.plain(item, (place, index), depth + 1))
        return kept

    def _key(self, key: Any, place: _Place) -> str:
        if isinstance(key, str):
            return self._text(str.__str__(key), place)
        if key is None or isinstance(key, bool):
            return json.dumps(key)
        try:
            name = well_formed(str(key))
        except Exception as error:  # noqa: BLE001 - a __str__ may raise any error; only this key is lost
            name = type(key).__name__
            self.unreadable.append(Unreadable(_path((place, name)), f"a key without text: {type(error).__name__}"))
            return name
        if not isinstance(key, _NUMBERS):
            self.unreadable.append(Unreadable(_path((place, name)), f"a key of type {type(key).__name__}"))
        return name

    def _replace(self, reason: str, place: _Place) -> dict[str, Any]:
        path = _path(place)
        self.unreadable.append(Unreadable(path, reason))
        return {"unreadable": reason, "path": path}


def _path(place: _Place) -> str:
    parts = []
    while place is not None:
        place, name = place
        plain_name = isinstance(name, str) and _PLAIN_NAME.fullmatch(name)
        parts.append(f".{name}" if plain_name else f"[{json.dumps(name, ensure_ascii=False)}]")
    return shortened("$" + "".join(reversed(parts)), _PATH_MAX_CHARACTERS)
