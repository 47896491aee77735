"""The schema file and the table joined: one tree of fields for each type, which everything else walks.

Also writes that tree as the protocol's schema, so that Terraform itself refuses unknown arguments and wrong types.
"""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tf.gen import tfplugin_pb2 as pb

from local.terraform_provider.entry import Entry
from local.terraform_provider.schema_source import SCHEMA_FILE

Block = Mapping[str, "Field"]


@dataclass(frozen=True)
class Field:
    """One attribute or nested block, with what its entry says about it.

    Attributes:
        path: dotted name from the top of the type.
        type: Terraform's type of an attribute (`"string"`, `["list", "string"]`); None for a nested block.
        block: the fields of a nested block; empty for an attribute.
        nesting: `LIST`, `SET` or `SINGLE`, for a nested block.
        document: `json` or `policy` if the values are compared as such, else empty.
        retained: whether an argument that is not set keeps the service's value.
        sent_as: the service's name of it, dotted; None if it is not sent by name.
        read_as: its name in the answer, dotted.
    """

    name: str
    path: str
    type: Any
    block: Block
    nesting: str
    repeats: bool
    required: bool
    optional: bool
    computed: bool
    sensitive: bool
    refused: bool
    is_set: bool
    document: str
    kept: bool
    undeclared: bool
    retained: bool
    default: Any
    absent: Any
    cleared: Any
    sent_as: str | None
    read_as: str | None

    @property
    def null(self) -> Any:
        """What Terraform holds where nothing is set."""
        return None if self.type is not None or self.nesting == "SINGLE" else []


@dataclass(frozen=True)
class ResourceType:
    """A resource type ready for use: its name, its entry and its fields."""

    name: str
    entry: Entry
    block: Block


@functools.cache
def schema_types() -> dict[str, Any]:
    """The argument names of every type used, as `schema.json` holds them."""
    types: dict[str, Any] = json.loads(SCHEMA_FILE.read_text())["types"]
    return types


def resource_type(name: str, entry: Entry) -> ResourceType:
    """Joins a type's entry with its argument names."""
    raw = schema_types()[name]
    raw = {**raw, "attributes": {"id": {"type": "string", "required": False}, **raw["attributes"]}}
    return ResourceType(name, entry, join(raw, entry))


def join(raw: Mapping[str, Any], entry: Entry, prefix: str = "", refused: bool = False) -> Block:
    """Builds the fields of one block of the schema file."""
    fields: dict[str, Field] = {}
    for name, attribute in raw["attributes"].items():
        kind = attribute["type"]
        if prefix + name in entry.sets:
            kind = ["set", kind[1]]
        answered = attribute.get("computed", False)
        fields[name] = _field(
            name, prefix, attribute, entry, refused, type_=kind, optional=not answered, computed=answered
        )
    for name, nested in raw["blocks"].items():
        fields[name] = _field(name, prefix, nested, entry, refused, type_=None, optional=True, computed=False)
    return fields


def to_proto(block: Block) -> Any:
    """The block as the protocol's `Schema.Block`."""
    attributes, blocks = [], []
    for field in block.values():
        if field.type is None:
            nesting = getattr(pb.Schema.NestedBlock.NestingMode, field.nesting)
            least = 1 if field.required else 0
            most = 0 if field.repeats or field.nesting == "SINGLE" else 1
            nested = to_proto(field.block)
            blocks.append(
                pb.Schema.NestedBlock(
                    type_name=field.name, block=nested, nesting=nesting, min_items=least, max_items=most
                )
            )
        else:
            attributes.append(
                pb.Schema.Attribute(
                    name=field.name,
                    type=json.dumps(field.type).encode(),
                    required=field.required,
                    optional=field.optional and not field.required,
                    computed=field.computed and not field.required,
                    sensitive=field.sensitive,
                )
            )
    return pb.Schema.Block(attributes=attributes, block_types=blocks)


# Not sent by name: Terraform's own, and tags, which have calls of their own.
_OWN = {"id", "region", "tags", "tags_all", "timeouts"}


def _field(
    name: str,
    prefix: str,
    raw: Mapping[str, Any],
    entry: Entry,
    refused: bool,
    *,
    type_: Any,
    optional: bool,
    computed: bool,
) -> Field:
    path = prefix + name
    refused = refused or path in entry.refused or path == "timeouts"
    aws_name = entry.rename.get(path, None if path in _OWN or refused else name)
    default = "{region}" if path == "region" else entry.only.get(path, entry.defaults.get(path))
    filled = path in {"id", "tags_all"} or path in entry.computed or default is not None
    retained = raw.get("retained", False) or path in entry.retained
    return Field(
        name=name,
        path=path,
        type=type_,
        block={} if type_ is not None else join(raw, entry, f"{path}.", refused),
        nesting="SINGLE" if path == "timeouts" else "SET" if path in entry.sets else "LIST",
        repeats=raw.get("repeats", False),
        required=raw["required"] or path in entry.required,
        optional=optional and path not in {"id", "tags_all"},
        computed=computed or retained or (filled and not refused),
        sensitive=path in entry.sensitive,
        refused=refused,
        is_set=path in entry.sets,
        document="policy" if path in entry.policies else "json" if path in entry.json else "",
        kept=path in entry.kept,
        undeclared=path in entry.undeclared,
        retained=retained,
        default=default,
        absent=entry.absent.get(path),
        cleared=entry.cleared.get(path),
        sent_as=None if path in entry.by_hook else aws_name,
        read_as=entry.read_as.get(path, aws_name),
    )
