"""AWS WAF: which web ACL filters the requests to a resource."""

from botocore.exceptions import ClientError

from local.terraform_provider.entry import Call, Client, Entry, State, words


def _read_association(client: Client, state: State) -> State | None:
    try:
        told: State = client.get_web_acl_for_resource(ResourceArn=state["resource_arn"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "WAFNonexistentItemException":
            raise
        return None
    return told.get("WebACL")  # AWS answers without one


ENTRIES = {
    "aws_wafv2_web_acl_association": Entry(
        service="wafv2",
        create=Call("associate_web_acl"),
        read=_read_association,
        delete=Call("disassociate_web_acl", given={"ResourceArn": "{resource_arn}"}),
        id="{web_acl_arn},{resource_arn}",
        read_as={"web_acl_arn": "ARN"},
        forces=words("resource_arn web_acl_arn"),
    ),
}
