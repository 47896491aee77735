"""The resource types that the provider carries, one entry each, grouped by service.

A new type: add its argument names (see `schema_source`), write its `Entry` in the module of its service, and use it in
`tests/local/terraform_provider/root/`. The tests then demand that every argument goes somewhere or is refused.
"""

import functools

from local.terraform_provider.fields import ResourceType, resource_type
from local.terraform_provider.table import (
    appsync,
    cloudwatch,
    cognito,
    dynamodb,
    events,
    firewall,
    functions,
    gateway,
    iam,
    logs,
    s3,
    step_functions,
)

ENTRIES = {
    **appsync.ENTRIES,
    **cloudwatch.ENTRIES,
    **cognito.ENTRIES,
    **dynamodb.ENTRIES,
    **events.ENTRIES,
    **firewall.ENTRIES,
    **functions.ENTRIES,
    **gateway.ENTRIES,
    **iam.ENTRIES,
    **logs.ENTRIES,
    **s3.ENTRIES,
    **step_functions.ENTRIES,
}


@functools.cache
def resource_types() -> dict[str, ResourceType]:
    """Every resource type by Terraform's name of it."""
    return {name: resource_type(name, entry) for name, entry in sorted(ENTRIES.items())}
