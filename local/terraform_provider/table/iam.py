"""Roles, their inline policies, and the managed ones attached to them."""

from local.terraform_provider.entry import Call, Client, Entry, Facet, State, Tagging, words


def _put_trust(client: Client, state: State, prior: State) -> None:
    if prior:  # create_role has taken it already
        client.update_assume_role_policy(RoleName=state["id"], PolicyDocument=state["assume_role_policy"])


def _put_boundary(client: Client, state: State, prior: State) -> None:
    if not prior:
        return  # create_role has taken it already
    if state["permissions_boundary"]:
        client.put_role_permissions_boundary(RoleName=state["id"], PermissionsBoundary=state["permissions_boundary"])
    else:
        client.delete_role_permissions_boundary(RoleName=state["id"])


def _attached(client: Client, state: State) -> State | None:
    attached = client.list_attached_role_policies(RoleName=state["role"])["AttachedPolicies"]
    return next((policy for policy in attached if policy["PolicyArn"] == state["policy_arn"]), None)


ROLE_POLICY = {"RoleName": "{role}", "PolicyName": "{name}"}

ENTRIES = {
    "aws_iam_role": Entry(
        service="iam",
        create=Call("create_role", "Role"),
        read=Call("get_role", "Role", {"RoleName": "{id}"}),
        update=Call("update_role", given={"RoleName": "{id}"}),
        delete=Call("delete_role", given={"RoleName": "{id}"}),
        rename={"name": "RoleName", "assume_role_policy": "AssumeRolePolicyDocument", "unique_id": "RoleId"},
        read_as={"permissions_boundary": "PermissionsBoundary.PermissionsBoundaryArn"},
        required=words("name"),
        refused=words("force_detach_policies inline_policy managed_policy_arns name_prefix"),
        defaults={"path": "/", "max_session_duration": 3600},
        policies=words("assume_role_policy"),
        forces=words("name path"),
        unread=words("description"),  # the emulator ignores emptying it
        facets=(
            Facet(words("assume_role_policy"), _put_trust),
            Facet(words("permissions_boundary"), _put_boundary),
        ),
        tags=Tagging("tag_role", "untag_role", "list_role_tags", "{id}"),
    ),
    "aws_iam_role_policy": Entry(
        service="iam",
        create=Call("put_role_policy"),
        read=Call("get_role_policy", given=ROLE_POLICY),
        update=Call("put_role_policy"),
        delete=Call("delete_role_policy", given=ROLE_POLICY),
        id="{role}:{name}",
        rename={"name": "PolicyName", "role": "RoleName", "policy": "PolicyDocument"},
        required=words("name"),
        refused=words("name_prefix"),
        policies=words("policy"),
        forces=words("name role"),
    ),
    "aws_iam_service_linked_role": Entry(
        service="iam",
        create=Call("create_service_linked_role", "Role"),
        read=Call("get_role", "Role", {"RoleName": "{name}"}),
        delete=Call("delete_service_linked_role", given={"RoleName": "{name}"}),
        id="{arn}",
        rename={"name": "RoleName", "unique_id": "RoleId", "aws_service_name": "AWSServiceName"},
        refused=words("custom_suffix description"),
        forces=words("aws_service_name"),
        kept=words("aws_service_name"),
        tags=Tagging("tag_role", "untag_role", "list_role_tags", "{name}"),
    ),
    "aws_iam_role_policy_attachment": Entry(
        service="iam",
        create=Call("attach_role_policy"),
        read=_attached,
        delete=Call("detach_role_policy", given={"RoleName": "{role}", "PolicyArn": "{policy_arn}"}),
        id="{role}/{policy_arn}",
        rename={"role": "RoleName"},
        forces=words("policy_arn role"),
    ),
}
