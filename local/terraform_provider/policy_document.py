"""The data source aws_iam_policy_document: IAM policies from HCL, rendered like the real provider's, byte for byte.

The text matters, because it is what a deployment's plan compares: key order, one value as text instead of a list, names
sorted backwards, two-space indent and Go's escapes are all the real provider's.
"""

import json
import zlib
from collections.abc import Mapping
from typing import Any

State = dict[str, Any]


def policy_document(config: State) -> State:
    """Renders the data source.

    Args:
        config: its arguments; every value known.

    Returns:
        The computed attributes: `json`, `minified_json`, `id`, `version`.

    Raises:
        ValueError: two statements have the same Sid, or a given document is not JSON.
    """
    statements: list[State] = []
    for text in config.get("source_policy_documents") or []:
        _merge(statements, _statements(text))
    own = [_statement(block) for block in config.get("statement") or []]
    sids = [statement["Sid"] for statement in own if "Sid" in statement]
    twice = sorted({sid for sid in sids if sids.count(sid) > 1})
    if twice:
        raise ValueError(f"duplicate Sid: {', '.join(twice)}; a Sid must be unique within a policy document")
    _merge(statements, own)
    for text in config.get("override_policy_documents") or []:
        _merge(statements, _statements(text))
    document: State = {"Version": config.get("version") or "2012-10-17"}
    if config.get("policy_id"):
        document["Id"] = config["policy_id"]
    document["Statement"] = statements
    text = _go_json(document, indent=2)
    minified = _go_json(document, separators=(",", ":"))
    return {
        "json": text,
        "minified_json": minified,
        "id": str(zlib.crc32(text.encode())),
        "version": document["Version"],
    }


def _statement(block: Mapping[str, Any]) -> State:
    rendered = {
        "Sid": block.get("sid") or None,
        "Effect": block.get("effect") or "Allow",
        "Action": _names(block.get("actions")),
        "NotAction": _names(block.get("not_actions")),
        "Resource": _names(block.get("resources")),
        "NotResource": _names(block.get("not_resources")),
        "Principal": _principals(block.get("principals")),
        "NotPrincipal": _principals(block.get("not_principals")),
        "Condition": _conditions(block.get("condition")),
    }
    return {name: value for name, value in rendered.items() if value is not None}


def _names(values: list[str] | None) -> Any:
    return _one_or_many(sorted(map(_variable, values or []), reverse=True))


def _one_or_many(values: list[str]) -> Any:
    return values[0] if len(values) == 1 else values or None


def _principals(blocks: list[State] | None) -> Any:
    by_type: dict[str, list[str]] = {}
    for block in blocks or []:
        if block["type"] == "*" and block["identifiers"] == ["*"]:
            return "*"
        by_type.setdefault(block["type"], []).extend(sorted(map(_variable, block["identifiers"]), reverse=True))
    return {kind: _one_or_many(by_type[kind]) for kind in sorted(by_type)} or None


def _conditions(blocks: list[State] | None) -> Any:
    tests: dict[str, dict[str, list[str]]] = {}
    for block in blocks or []:
        variables = tests.setdefault(block["test"], {})
        variables.setdefault(_variable(block["variable"]), []).extend(map(_variable, block["values"]))
    return {
        test: {name: _one_or_many(values) for name, values in sorted(tests[test].items())} for test in sorted(tests)
    } or None


def _variable(text: str) -> str:
    """IAM's `${...}` is written `&{...}`, because `${` is Terraform's own."""
    return text.replace("&{", "${")


def _statements(text: str) -> list[State]:
    found = json.loads(text).get("Statement", [])
    return found if isinstance(found, list) else [found]


def _merge(into: list[State], statements: list[State]) -> None:
    """Appends statements; one whose Sid is there already takes its place."""
    for statement in statements:
        sid = statement.get("Sid")
        at = next((index for index, other in enumerate(into) if sid and other.get("Sid") == sid), None)
        if at is None:
            into.append(statement)
        else:
            into[at] = statement


def _go_json(document: State, **style: Any) -> str:
    text = json.dumps(document, ensure_ascii=False, **style)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
