"""Compares answers of the REST API with `docs/openapi.json`."""

import json
import re
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

DOCUMENT = json.loads((Path(__file__).parents[2] / "docs" / "openapi.json").read_text())


def check_answer(method: str, path: str, status: int, body: Any) -> None:
    """Fail if the document does not describe this answer, or describes it differently."""
    operation = DOCUMENT["paths"][_template(path)][method.lower()]
    assert str(status) in operation["responses"], (
        f"{method} {path} answers {status}, of which the document says nothing"
    )
    response = operation["responses"][str(status)]
    if "$ref" in response:
        response = DOCUMENT["components"]["responses"][response["$ref"].rpartition("/")[2]]
    validate(response["content"]["application/json"]["schema"], body)


def validate(schema: dict[str, Any], value: Any) -> None:
    """Fail if a value does not fit one of the document's schemas."""
    whole = schema | {"components": DOCUMENT["components"]}
    Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(value)


def _template(path: str) -> str:
    found = [each for each in DOCUMENT["paths"] if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", each), path)]
    assert len(found) == 1, f"the document has no path for {path}"
    return found[0]
