"""Plans a change from the configuration and the prior state, without calls to the service.

Core proposes the prior state overlaid with the configuration. This adds defaults, the values known only after apply,
and the changes that replace the resource. An argument that was removed from the configuration returns to its default,
or keeps its value if the real provider keeps it (`Field.retained`).
"""

from collections.abc import Mapping

from local.terraform_provider.compare import diff, pairs, same
from local.terraform_provider.entry import UNKNOWN, State, is_unknown
from local.terraform_provider.fields import Block, ResourceType
from local.terraform_provider.values import render


def plan_change(
    kind: ResourceType, config: State, prior: State | None, planned: State, facts: Mapping[str, str]
) -> list[str]:
    """Completes Core's proposal.

    Args:
        kind: the resource type.
        config: the user's configuration; null if unset.
        prior: the state, or None when the resource is to be created.
        planned: Core's proposal; completed in place.
        facts: `region`, `account`, `partition` and `endpoint`, for defaults that name them.

    Returns:
        The arguments whose change replaces the resource, sorted.
    """
    _fill(kind.block, config, planned, planned, facts, top=prior is None)
    for name in retained_blocks(kind.block, config, prior):
        planned[name] = (prior or {})[name]
    if "tags_all" in kind.block:
        tags = planned.get("tags")
        unknown = is_unknown(tags) or any(is_unknown(value) for value in (tags or {}).values())
        planned["tags_all"] = UNKNOWN if unknown else (tags or {})
    if prior is None:
        return []
    for name, field in kind.block.items():
        if field.document and same(field, planned.get(name), prior.get(name)):
            planned[name] = prior[name]  # another spelling of the same document is no change
    changed = diff(kind.block, prior, planned)
    if changed - {"tags", "tags_all"}:
        for name, causes in kind.entry.volatile.items():
            if config.get(name) is None and (not causes or changed & causes):
                planned[name] = UNKNOWN
    return sorted(changed & (kind.entry.forces | {"region"}))


def retained_blocks(block: Block, config: State, prior: State | None) -> list[str]:
    """Finds the blocks that were removed from the configuration and keep their values.

    Core refuses a planned block that is not in the configuration, except from providers of the legacy SDK. The real
    provider uses that SDK, so the plan must be marked as legacy.
    """
    return [
        name
        for name, field in block.items()
        if field.type is None
        and field.retained
        and not field.refused
        and not config.get(name)
        and (prior or {}).get(name)
    ]


def refused_arguments(block: Block, config: State, only: Mapping[str, object]) -> list[tuple[str, str]]:
    """Finds what the configuration sets that this provider does not support.

    Returns:
        For each finding its path and what is wrong with it, in the order of the schema.
    """
    found: list[tuple[str, str]] = []
    for field in block.values():
        value = config.get(field.name)
        if value is None or value == []:
            continue
        if field.refused:
            found.append((field.path, "the local provider does not support it; `make local-gaps` lists what it lacks"))
        elif field.path in only and not is_unknown(value) and value != only[field.path]:
            found.append((field.path, f"the local provider carries only {only[field.path]!r}, not {value!r}"))
        elif field.type is None and isinstance(value, list):
            for item in value:
                found += refused_arguments(field.block, item, only)
    return found


def _fill(block: Block, config: State, planned: State, root: State, facts: Mapping[str, str], *, top: bool) -> None:
    """Sets every argument that is not in the configuration to its default, or to unknown."""
    for field in block.values():
        name = field.name
        if field.type is None:
            given, proposed = config.get(name), planned.get(name)
            if isinstance(given, list) and isinstance(proposed, list):
                # Sets arrive in two different orders; `pairs` finds what belongs together.
                for item, twin in pairs(field, proposed, given):
                    _fill(field.block, twin, item, root, facts, top=False)
        elif field.computed and config.get(name) is None:
            if field.default is not None:
                if not field.retained or planned.get(name) is None:
                    planned[name] = render(field.default, root, facts)
            elif top and not field.refused:
                planned[name] = UNKNOWN
