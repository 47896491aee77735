"""Validates every request against AWS's service models, which botocore contains but checks only in part.

botocore refuses unknown members, wrong types and values that are too short; AWS also refuses texts that are too long,
do not match a pattern, or are not in an enum. An emulator accepts nearly all of those.
"""

import re
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ParamValidationError
from botocore.model import ListShape, MapShape, OperationModel, Shape, StringShape, StructureShape

EVENT = "before-parameter-build"
"""The event of botocore to register `refuse_invalid` for."""

# Patterns that Python's `re` cannot read (possessive quantifiers, Java's character classes) are left to AWS.
_UNREADABLE = re.compile(r"\\p\{|[*+?}]\+|&&")


def refuse_invalid(params: dict[str, Any], model: OperationModel, **_: Any) -> None:
    """Refuse parameters of a call that AWS's model does not allow.

    Raises:
        ParamValidationError: It names each parameter and what is wrong with it.
    """
    problems = list(_problems(params, model.input_shape, "")) if model.input_shape else []
    if problems:
        raise ParamValidationError(report=f"{model.service_model.service_name}.{model.name}: {'; '.join(problems)}")


def _problems(value: Any, shape: Shape, path: str) -> Iterator[str]:
    match shape:
        case StructureShape() if isinstance(value, dict):
            for name, member in value.items():
                if name in shape.members:
                    yield from _problems(member, shape.members[name], f"{path}.{name}" if path else name)
        case ListShape() if isinstance(value, list | tuple):
            yield from _too_many(value, shape, path, "members")
            for index, member in enumerate(value):
                yield from _problems(member, shape.member, f"{path}[{index}]")
        case MapShape() if isinstance(value, dict):
            yield from _too_many(value, shape, path, "members")
            for key, member in value.items():
                yield from _problems(key, shape.key, f"{path} key {key!r}")
                yield from _problems(member, shape.value, f"{path}[{key!r}]")
        case StringShape() if isinstance(value, str):
            yield from _too_many(value, shape, path, "characters")
            if shape.enum and value not in shape.enum:
                yield f"{path} is {value!r}, which is none of {', '.join(shape.enum)}"
            pattern = shape.metadata.get("pattern")
            if pattern and not _UNREADABLE.search(pattern) and not re.search(_anchored(pattern), value):
                yield f"{path} is {value!r}, which does not match {pattern}"
        case _ if shape.type_name in ("integer", "long") and isinstance(value, int):
            highest = shape.metadata.get("max")
            if highest is not None and value > highest:
                yield f"{path} is {value}, which is over {highest}"


def _too_many(value: Any, shape: Shape, path: str, unit: str) -> Iterator[str]:
    highest = shape.metadata.get("max")
    if highest is not None and len(value) > highest:
        yield f"{path} has {len(value)} {unit}, which is over {highest}"


def _anchored(pattern: str) -> str:
    # AWS matches the whole value; some of the models' patterns say so, most do not.
    return rf"\A(?:{pattern})\Z"
