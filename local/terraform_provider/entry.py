"""The description of a resource type: the vocabulary of the table, separate from the code that executes it.

An entry contains only what botocore's shapes and the argument names do not show: the operations, the names that differ,
the arguments with separate calls, and the refused arguments. Most types need four to twelve lines.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgpack

State = dict[str, Any]
"""A resource's values by Terraform name: None, bool, int, float, str, list, dict, or UNKNOWN while planning."""

UNKNOWN = msgpack.ExtType(0, b"\x00")
"""A value that only applying will tell, as Terraform writes it."""

Client = Any
"""A boto3 client of the entry's service."""


def is_unknown(value: Any) -> bool:
    """Whether a planned value is unknown: Terraform uses code 0, or 12 when it knows bounds of it."""
    return isinstance(value, msgpack.ExtType)


def is_empty(value: Any) -> bool:
    """Whether Terraform would call the value unset: null, empty text, list or map. False and 0 are values."""
    return value is None or value == "" or value == [] or value == {}


def words(text: str) -> frozenset[str]:
    """The names in a space-separated text; nested names are dotted (`ttl.enabled`)."""
    return frozenset(text.split())


@dataclass(frozen=True)
class Call:
    """One boto3 operation.

    Attributes:
        operation: boto3's name, such as `get_role`.
        answer: the answer's member that is the object; the whole answer when empty.
        given: parameters that are not taken from arguments of the same name; a text is a template over the state
            (`{name}`).
    """

    operation: str
    answer: str = ""
    given: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Facet:
    """Arguments with calls of their own beside the main object, such as a table's time to live.

    Attributes:
        names: the arguments, at the top level.
        put: (client, state, prior): makes the service agree with the state; prior is empty when creating.
        get: (client, state, answer): the arguments' values as the service tells them. Without one, the main read does.
    """

    names: frozenset[str]
    put: Callable[[Client, State, State], None]
    get: Callable[[Client, State, State], State] | None = None


@dataclass(frozen=True)
class Tagging:
    """The service's three tag operations, and what they are asked about (a template)."""

    tag: str = "tag_resource"
    untag: str = "untag_resource"
    list: str = "list_tags_for_resource"
    of: str = "{arn}"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What one resource type is. Every name is a path from the top of the type (`ttl`, `ttl.enabled`).

    Source of the suppressed differences (`json`, `policies`, `retained`): `DiffSuppressFunc` and `StateFunc` in
    https://github.com/hashicorp/terraform-provider-aws/tree/main/internal/service

    Attributes:
        service: boto3's service name.
        create, read, update, delete: the operations. `read` may be a function (client, state) that returns the object,
            or None if it does not exist; `delete` may be one too. Without `update` only facets and tags can change in
            place.
        id: template of the id.
        rename: the service's name of an argument if it differs in more than case and underscores; dotted if it is
            nested.
        read_as: like rename, where the answer names it differently from the request.
        required: arguments that must be given here though the real provider would make one up.
        computed: optional arguments that the service fills when they are not given.
        defaults: values (or templates) of arguments that are not given.
        refused: arguments that this provider does not support: setting one is an error.
        only: arguments of which one value alone is carried, and that value.
        sets: arguments without order.
        json: arguments whose difference the real provider suppresses if both values are the same JSON.
        policies: likewise, if both values are the same IAM policy: the order of a list does not matter, nor whether a
            single value is in a list.
        forces: arguments whose change replaces the resource.
        sensitive: values that Terraform must not print.
        retained: optional arguments whose removal the real provider suppresses, beside those of `schema.json`.
        kept: arguments that no operation answers: the state's value is believed, drift is not seen.
        unread: arguments that the emulator takes but does not answer, or not always; see `lifecycle.settle`.
        undeclared: blocks that the service fills by itself. Drift in them is detected only if they are declared.
        absent: what the service answers for a block that is not there.
        cleared: what to send when a block is taken away, where an empty one is not valid.
        volatile: computed attributes that change with others: names of the causes, or none for any change.
        derived: templates of attributes that are not in an answer.
        facets: arguments with calls of their own.
        tags: how the type is tagged, if it has tags.
        send: (params, state, prior) -> params: last hand on what is sent; prior is None when creating.
        receive: (answer, state, new) -> State: values that the answer holds in another form.
        by_hook: arguments that only `send` or `read` carries.
    """

    service: str
    create: Call
    read: Call | Callable[[Client, State], State | None]
    delete: Call | Callable[[Client, State], None]
    update: Call | None = None
    id: str = "{name}"
    rename: Mapping[str, str] = field(default_factory=dict)
    read_as: Mapping[str, str] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    computed: frozenset[str] = frozenset()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    refused: frozenset[str] = frozenset()
    only: Mapping[str, Any] = field(default_factory=dict)
    sets: frozenset[str] = frozenset()
    json: frozenset[str] = frozenset()
    policies: frozenset[str] = frozenset()
    retained: frozenset[str] = frozenset()
    forces: frozenset[str] = frozenset()
    sensitive: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()
    unread: frozenset[str] = frozenset()
    undeclared: frozenset[str] = frozenset()
    absent: Mapping[str, Any] = field(default_factory=dict)
    cleared: Mapping[str, Any] = field(default_factory=dict)
    volatile: Mapping[str, frozenset[str]] = field(default_factory=dict)
    derived: Mapping[str, str] = field(default_factory=dict)
    facets: tuple[Facet, ...] = ()
    tags: Tagging | None = None
    send: Callable[[State, State, State | None], State] | None = None
    receive: Callable[[State, State, State], State] | None = None
    by_hook: frozenset[str] = frozenset()
