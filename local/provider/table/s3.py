"""Buckets, and what is said of them by calls of their own."""

from botocore.exceptions import ClientError

from local.provider.entry import Call, Client, Entry, Facet, State, words

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
    "aws_s3_bucket_public_access_block": Entry(
        service="s3",
        create=Call("put_public_access_block"),
        read=Call("get_public_access_block", "PublicAccessBlockConfiguration", BUCKET),
        update=Call("put_public_access_block"),
        delete=Call("delete_public_access_block", given=BUCKET),
        id="{bucket}",
        rename={name: f"PublicAccessBlockConfiguration.{name}" for name in BLOCKED},
        read_as={name: name for name in BLOCKED},
        refused=words("skip_destroy"),
        defaults=dict.fromkeys(BLOCKED, False),
        forces=words("bucket"),
    ),
    "aws_s3_bucket_ownership_controls": Entry(
        service="s3",
        create=Call("put_bucket_ownership_controls"),
        read=Call("get_bucket_ownership_controls", "OwnershipControls", BUCKET),
        update=Call("put_bucket_ownership_controls"),
        delete=Call("delete_bucket_ownership_controls", given=BUCKET),
        id="{bucket}",
        rename={"rule": "OwnershipControls.Rules"},
        read_as={"rule": "Rules"},
        forces=words("bucket"),
    ),
    "aws_s3_bucket_server_side_encryption_configuration": Entry(
        service="s3",
        create=Call("put_bucket_encryption"),
        read=Call("get_bucket_encryption", "ServerSideEncryptionConfiguration", BUCKET),
        update=Call("put_bucket_encryption"),
        delete=Call("delete_bucket_encryption", given=BUCKET),
        id="{bucket}",
        rename={"rule": "ServerSideEncryptionConfiguration.Rules"},
        read_as={"rule": "Rules"},
        refused=words("expected_bucket_owner rule.blocked_encryption_types"),
        sets=words("rule"),
        forces=words("bucket"),
    ),
    "aws_s3_bucket_lifecycle_configuration": Entry(
        service="s3",
        create=Call("put_bucket_lifecycle_configuration"),
        read=Call("get_bucket_lifecycle_configuration", given=BUCKET),
        update=Call("put_bucket_lifecycle_configuration"),
        delete=Call("delete_bucket_lifecycle", given=BUCKET),
        id="{bucket}",
        rename={"rule": "LifecycleConfiguration.Rules"},
        read_as={"rule": "Rules"},
        refused=words(
            "expected_bucket_owner rule.expiration.date rule.expiration.expired_object_delete_marker rule.filter.and_"
            " rule.filter.object_size_greater_than rule.filter.object_size_less_than rule.filter.tag"
            " rule.noncurrent_version_expiration rule.noncurrent_version_transition rule.prefix rule.transition"
            " transition_default_minimum_object_size"
        ),
        forces=words("bucket"),
        send=_send_rules,
    ),
    "aws_s3_bucket_cors_configuration": Entry(
        service="s3",
        create=Call("put_bucket_cors"),
        read=Call("get_bucket_cors", given=BUCKET),
        update=Call("put_bucket_cors"),
        delete=Call("delete_bucket_cors", given=BUCKET),
        id="{bucket}",
        rename={"cors_rule": "CORSConfiguration.CORSRules"},
        read_as={"cors_rule": "CORSRules"},
        refused=words("expected_bucket_owner"),
        sets=words(
            "cors_rule cors_rule.allowed_headers cors_rule.allowed_methods cors_rule.allowed_origins"
            " cors_rule.expose_headers"
        ),
        forces=words("bucket"),
    ),
    "aws_s3_bucket_policy": Entry(
        service="s3",
        create=Call("put_bucket_policy"),
        read=Call("get_bucket_policy", given=BUCKET),
        update=Call("put_bucket_policy"),
        delete=Call("delete_bucket_policy", given=BUCKET),
        id="{bucket}",
        json=words("policy"),
        forces=words("bucket"),
    ),
}
