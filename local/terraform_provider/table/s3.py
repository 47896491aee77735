"""Buckets, and what is said of them by calls of their own."""

from typing import Any

from botocore.exceptions import ClientError

from local.terraform_provider.entry import Call, Client, Entry, Facet, State, words

BUCKET = {"Bucket": "{bucket}"}
BLOCKED = words("block_public_acls block_public_policy ignore_public_acls restrict_public_buckets")


def _send_bucket(params: State, state: State, _prior: State | None) -> State:
    if state["region"] != "us-east-1":  # which S3 takes only by silence
        params["CreateBucketConfiguration"] = {"LocationConstraint": state["region"]}
    return params


def _send_rules(params: State, _state: State, _prior: State | None) -> State:
    for rule in params["LifecycleConfiguration"]["Rules"]:
        rule.setdefault("Filter", {"Prefix": ""})  # An empty one means all objects; S3 wants to be told so.
    return params


def _delete_bucket(client: Client, state: State) -> None:
    if state["force_destroy"]:
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=state["bucket"]):
            for each in page.get("Contents", []):
                client.delete_object(Bucket=state["bucket"], Key=each["Key"])
    client.delete_bucket(Bucket=state["bucket"])


def _put_tags(client: Client, state: State, _prior: State) -> None:
    tags = [{"Key": key, "Value": value} for key, value in (state["tags_all"] or {}).items()]
    if tags:
        client.put_bucket_tagging(Bucket=state["bucket"], Tagging={"TagSet": tags})
    else:
        client.delete_bucket_tagging(Bucket=state["bucket"])


def _get_tags(client: Client, state: State, _answer: State) -> State:
    try:
        told = client.get_bucket_tagging(Bucket=state["bucket"])["TagSet"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchTagSet":
            raise
        told = []
    tags = {each["Key"]: each["Value"] for each in told}
    return {"tags": tags or None, "tags_all": tags}


def _setting(name: str, answer: str = "", *, delete: str | None = None, **more: Any) -> Entry:
    """What is put, got and deleted of a bucket under this name, which the deletion may have otherwise."""
    return Entry(
        service="s3",
        create=Call(f"put_{name}"),
        read=Call(f"get_{name}", answer, BUCKET),
        update=Call(f"put_{name}"),
        delete=Call(delete or f"delete_{name}", given=BUCKET),
        id="{bucket}",
        forces=words("bucket"),
        **more,
    )


ENTRIES = {
    "aws_s3_bucket": Entry(
        service="s3",
        create=Call("create_bucket"),
        read=Call("head_bucket", given=BUCKET),
        delete=_delete_bucket,
        id="{bucket}",
        required=words("bucket"),
        refused=words(
            "acceleration_status acl bucket_namespace bucket_prefix cors_rule grant lifecycle_rule logging"
            " object_lock_configuration object_lock_enabled policy replication_configuration request_payer"
            " server_side_encryption_configuration versioning website"
        ),
        defaults={"force_destroy": False},
        forces=words("bucket"),
        kept=words("force_destroy"),
        by_hook=words("force_destroy"),
        derived={
            "arn": "arn:{partition}:s3:::{bucket}",
            "bucket_domain_name": "{bucket}.s3.amazonaws.com",
            "bucket_regional_domain_name": "{bucket}.s3.{region}.amazonaws.com",
        },
        send=_send_bucket,
        facets=(Facet(words("tags"), _put_tags, _get_tags),),
    ),
    "aws_s3_bucket_public_access_block": _setting(
        "public_access_block",
        "PublicAccessBlockConfiguration",
        rename={name: f"PublicAccessBlockConfiguration.{name}" for name in BLOCKED},
        read_as={name: name for name in BLOCKED},
        refused=words("skip_destroy"),
        defaults=dict.fromkeys(BLOCKED, False),
    ),
    "aws_s3_bucket_ownership_controls": _setting(
        "bucket_ownership_controls",
        "OwnershipControls",
        rename={"rule": "OwnershipControls.Rules"},
        read_as={"rule": "Rules"},
    ),
    "aws_s3_bucket_server_side_encryption_configuration": _setting(
        "bucket_encryption",
        "ServerSideEncryptionConfiguration",
        rename={"rule": "ServerSideEncryptionConfiguration.Rules"},
        read_as={"rule": "Rules"},
        refused=words("expected_bucket_owner rule.blocked_encryption_types"),
        sets=words("rule"),
    ),
    "aws_s3_bucket_lifecycle_configuration": _setting(
        "bucket_lifecycle_configuration",
        delete="delete_bucket_lifecycle",
        rename={"rule": "LifecycleConfiguration.Rules"},
        read_as={"rule": "Rules"},
        refused=words(
            "expected_bucket_owner rule.expiration.date rule.expiration.expired_object_delete_marker rule.filter.and_"
            " rule.filter.object_size_greater_than rule.filter.object_size_less_than rule.filter.tag"
            " rule.noncurrent_version_expiration rule.noncurrent_version_transition rule.prefix rule.transition"
            " transition_default_minimum_object_size"
        ),
        send=_send_rules,
    ),
    "aws_s3_bucket_cors_configuration": _setting(
        "bucket_cors",
        rename={"cors_rule": "CORSConfiguration.CORSRules"},
        read_as={"cors_rule": "CORSRules"},
        refused=words("expected_bucket_owner"),
        sets=words(
            "cors_rule cors_rule.allowed_headers cors_rule.allowed_methods cors_rule.allowed_origins"
            " cors_rule.expose_headers"
        ),
    ),
    "aws_s3_bucket_policy": _setting(
        "bucket_policy",
        policies=words("policy"),
    ),
}
