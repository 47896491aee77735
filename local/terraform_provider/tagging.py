"""Tags: the same three operations in every service, under different names.

They are written after a resource is created and read by their own operation, so no entry has to say how its service
takes tags with a creation.
"""

from collections.abc import Mapping
from typing import Any

from local.terraform_provider.entry import Client, Tagging


def read_tags(client: Client, tagging: Tagging, subject: str) -> dict[str, str]:
    """The tags of a resource, without AWS's own.

    Args:
        client: of the resource's service.
        tagging: its operations.
        subject: what they call the resource, usually its ARN.
    """
    answer = _call(client, tagging.list, subject, {})
    found = next((value for name, value in answer.items() if "tag" in name.lower()), None) or {}
    tags = found if isinstance(found, dict) else dict(map(_pair, found))
    return {name: str(value) for name, value in tags.items() if not name.startswith("aws:")}


def write_tags(client: Client, tagging: Tagging, subject: str, old: Mapping[str, str], new: Mapping[str, str]) -> None:
    """Makes a resource's tags the new ones, given the old ones."""
    removed = sorted(set(old) - set(new))
    if removed:
        _call(client, tagging.untag, subject, {"tagkeys": removed})
    if new and new != old:
        _call(client, tagging.tag, subject, {"tags": dict(new)})


def input_shape(client: Client, operation: str) -> Any:
    """Botocore's shape of an operation's parameters, by boto3's name of the operation."""
    return client.meta.service_model.operation_model(client.meta.method_to_api_mapping[operation]).input_shape


def _call(client: Client, operation: str, subject: str, values: Mapping[str, Any]) -> dict[str, Any]:
    params: dict[str, Any] = {}
    shape = input_shape(client, operation)
    for name, member in shape.members.items():
        if name.lower() in values:
            value = values[name.lower()]
            as_pairs = name.lower() == "tags" and member.type_name == "list"
            params[name] = [_as_pair(item, member.member) for item in value.items()] if as_pairs else value
        elif name in shape.required_members:
            params[name] = subject
    answer: dict[str, Any] = getattr(client, operation)(**params)
    return answer


def _pair(item: Mapping[str, str]) -> tuple[str, str]:
    told = {name.lower(): value for name, value in item.items()}
    return told["key"], told["value"]


def _as_pair(tag: tuple[str, str], shape: Any) -> dict[str, str]:
    """A tag in the shape's own spelling of `Key` and `Value`."""
    values = dict(zip(("key", "value"), tag, strict=True))
    return {name: values[name.lower()] for name in shape.members}
