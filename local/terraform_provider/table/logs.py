"""Log groups."""

from local.terraform_provider.entry import Call, Client, Entry, Facet, State, Tagging, words


def _put_retention(client: Client, state: State, prior: State) -> None:
    days = int(state.get("retention_in_days") or 0)
    if days:
        client.put_retention_policy(logGroupName=state["id"], retentionInDays=days)
    elif prior:
        client.delete_retention_policy(logGroupName=state["id"])


def _put_key(_client: Client, _state: State, prior: State) -> None:
    if prior:  # create_log_group has taken it already, and the emulator knows no other way
        raise ValueError("the local provider does not change the key of an existing log group: destroy it first")


def _read(client: Client, state: State) -> State | None:
    """Groups are described by prefix, so this one is picked out of those whose names begin with its name."""
    found: list[State] = client.describe_log_groups(logGroupNamePrefix=state["id"])["logGroups"]
    return next((group for group in found if group["logGroupName"] == state["id"]), None)


ENTRIES = {
    "aws_cloudwatch_log_group": Entry(
        service="logs",
        create=Call("create_log_group"),
        read=_read,
        delete=Call("delete_log_group", given={"logGroupName": "{id}"}),
        rename={"name": "logGroupName"},
        required=words("name"),
        refused=words("deletion_protection_enabled log_group_class name_prefix skip_destroy"),
        defaults={"retention_in_days": 0},
        forces=words("name"),
        # The answer's ARN ends in ":*", which Terraform's does not.
        derived={"arn": "arn:{partition}:logs:{region}:{account}:log-group:{name}"},
        facets=(
            Facet(words("kms_key_id"), _put_key),
            Facet(words("retention_in_days"), _put_retention),
        ),
        tags=Tagging(),
    ),
}
