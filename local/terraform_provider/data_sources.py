"""The data sources: what a configuration asks for without owning it."""

from collections.abc import Callable
from dataclasses import dataclass

from local.terraform_provider.cloud import Cloud
from local.terraform_provider.entry import Call, Entry, State, words
from local.terraform_provider.fields import Block, join, schema_types
from local.terraform_provider.policy_document import policy_document


@dataclass(frozen=True)
class DataSource:
    """A data source: its fields, and how it is read from its arguments."""

    block: Block
    read: Callable[[Cloud, State], State]


def data_sources() -> dict[str, DataSource]:
    """Every data source by Terraform's name of it."""
    return {
        "aws_caller_identity": _source("aws_caller_identity", _caller_identity),
        "aws_iam_policy_document": _source(
            "aws_iam_policy_document",
            lambda _cloud, config: policy_document(config),
            refused="override_json source_json",
            computed="version",
            sets=" ".join(
                f"statement.{name}"
                for name in ("actions", "not_actions", "resources", "not_resources", "condition", "principals")
            )
            + " statement.not_principals statement.principals.identifiers statement.not_principals.identifiers",
        ),
        "aws_partition": _source("aws_partition", _partition),
        "aws_region": _source("aws_region", _region, computed="endpoint name", refused="region"),
    }


def _caller_identity(cloud: Cloud, _config: State) -> State:
    told = cloud.client("sts").get_caller_identity()
    return {"account_id": told["Account"], "arn": told["Arn"], "user_id": told["UserId"], "id": told["Account"]}


def _partition(_cloud: Cloud, _config: State) -> State:
    return {"partition": "aws", "dns_suffix": "amazonaws.com", "reverse_dns_prefix": "com.amazonaws", "id": "aws"}


def _region(cloud: Cloud, _config: State) -> State:
    import botocore.session  # here, as in `cloud`: most starts of the provider need only its schema

    regions = botocore.session.get_session().get_data("endpoints")["partitions"][0]["regions"]
    told = {"endpoint": f"ec2.{cloud.region}.amazonaws.com", "description": regions[cloud.region]["description"]}
    return told | dict.fromkeys(("id", "name", "region"), cloud.region)


def _source(
    name: str, read: Callable[[Cloud, State], State], *, refused: str = "", computed: str = "", sets: str = ""
) -> DataSource:
    raw = schema_types()[f"data.{name}"]
    raw = {**raw, "attributes": {"id": {"type": "string", "required": False}, **raw["attributes"]}}
    # A data source has no calls in the table: only the words about its arguments are used.
    none = Call("")
    entry = Entry(
        service="",
        create=none,
        read=none,
        delete=none,
        refused=words(refused),
        computed=words(computed),
        sets=words(sets),
    )
    return DataSource(join(raw, entry), read)
