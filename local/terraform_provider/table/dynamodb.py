"""Tables, paid per request, and their global indexes, which can be added to a table and removed."""

from local.terraform_provider.entry import Call, Client, Entry, Facet, State, Tagging, words

_KEY_OF_AWS = ":alias/aws/dynamodb"  # what encrypts a table for which no key is named


def _send(params: State, state: State, prior: State | None) -> State:
    """Writes the key as the service wants it, and leaves out of an update what has not changed."""
    indexes = [_as_sent(index) for index in state["global_secondary_index"]]
    if prior is None:
        keys = [("HASH", state["hash_key"]), ("RANGE", state.get("range_key"))]
        params["KeySchema"] = [{"AttributeName": name, "KeyType": kind} for kind, name in keys if name]
        return params | ({"GlobalSecondaryIndexes": indexes} if indexes else {})
    if state.get("server_side_encryption") == prior.get("server_side_encryption"):
        params.pop("SSESpecification", None)
    before = [_as_sent(index) for index in prior["global_secondary_index"]]
    removed = [{"Delete": {"IndexName": index["IndexName"]}} for index in before if index not in indexes]
    added = [{"Create": index} for index in indexes if index not in before]
    # AWS changes one index in each request, and the real provider sends several. The emulator takes them together.
    return params | ({"GlobalSecondaryIndexUpdates": removed + added} if removed + added else {})


def _as_sent(index: State) -> State:
    keys = [{"AttributeName": key["attribute_name"], "KeyType": key["key_type"]} for key in index["key_schema"]]
    return {
        "IndexName": index["name"],
        "KeySchema": keys,
        "Projection": {"ProjectionType": index["projection_type"]},
    }


def _receive(answer: State, _state: State, _new: State) -> State:
    keys = {part["KeyType"]: part["AttributeName"] for part in answer["KeySchema"]}
    encryption = answer.get("SSEDescription", {})
    encrypted = encryption.get("Status") in ("ENABLED", "ENABLING", "UPDATING")
    key = encryption.get("KMSMasterKeyArn", "")
    if key.endswith(_KEY_OF_AWS):
        key = None
    return {
        "hash_key": keys["HASH"],
        "range_key": keys.get("RANGE"),
        "global_secondary_index": [_index(index) for index in answer.get("GlobalSecondaryIndexes") or []],
        "server_side_encryption": [{"enabled": encrypted, "kms_key_arn": key or None}],
        "billing_mode": answer.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED"),
    }


def _index(told: State) -> State:
    keys = [{"attribute_name": key["AttributeName"], "key_type": key["KeyType"]} for key in told["KeySchema"]]
    nothing = dict.fromkeys(words("hash_key range_key non_key_attributes read_capacity write_capacity"))
    nothing |= {"on_demand_throughput": [], "warm_throughput": []}
    return {
        "name": told["IndexName"],
        "projection_type": told["Projection"]["ProjectionType"],
        "key_schema": keys,
    } | nothing


def _put_ttl(client: Client, state: State, prior: State) -> None:
    ttl = (state["ttl"] or [{"enabled": False, "attribute_name": None}])[0]
    name = ttl["attribute_name"] or next((block["attribute_name"] for block in prior.get("ttl", [])), None)
    wanted = {"Enabled": bool(ttl["enabled"]), "AttributeName": name}
    client.update_time_to_live(TableName=state["name"], TimeToLiveSpecification=wanted)


def _get_ttl(client: Client, state: State, _answer: State) -> State:
    told = client.describe_time_to_live(TableName=state["id"])["TimeToLiveDescription"]
    enabled = told.get("TimeToLiveStatus") in ("ENABLED", "ENABLING")
    return {"ttl": [{"enabled": enabled, "attribute_name": told.get("AttributeName")}] if enabled else []}


def _put_recovery(client: Client, state: State, _prior: State) -> None:
    enabled = any(block["enabled"] for block in state["point_in_time_recovery"])
    wanted = {"PointInTimeRecoveryEnabled": enabled}
    client.update_continuous_backups(TableName=state["name"], PointInTimeRecoverySpecification=wanted)


def _get_recovery(client: Client, state: State, _answer: State) -> State:
    told = client.describe_continuous_backups(TableName=state["id"])["ContinuousBackupsDescription"]
    enabled = told.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus") == "ENABLED"
    return {"point_in_time_recovery": [{"enabled": enabled, "recovery_period_in_days": None}]}


ENTRIES = {
    "aws_dynamodb_table": Entry(
        service="dynamodb",
        create=Call("create_table", "TableDescription"),
        read=Call("describe_table", "Table", {"TableName": "{id}"}),
        update=Call("update_table", given={"TableName": "{id}"}),
        delete=Call("delete_table", given={"TableName": "{id}"}),
        rename={
            "name": "TableName",
            "arn": "TableArn",
            "attribute": "AttributeDefinitions",
            "attribute.name": "AttributeName",
            "attribute.type": "AttributeType",
            "server_side_encryption": "SSESpecification",
            "server_side_encryption.kms_key_arn": "KMSMasterKeyId",
        },
        required=words("billing_mode hash_key"),
        only={"billing_mode": "PAY_PER_REQUEST"},
        refused=words(
            "global_secondary_index.hash_key global_secondary_index.non_key_attributes"
            " global_secondary_index.on_demand_throughput global_secondary_index.range_key"
            " global_secondary_index.read_capacity global_secondary_index.warm_throughput"
            " global_secondary_index.write_capacity global_table_witness import_table local_secondary_index"
            " on_demand_throughput point_in_time_recovery.recovery_period_in_days read_capacity replica"
            " restore_backup_arn restore_date_time restore_source_name restore_source_table_arn"
            " restore_to_latest_time stream_enabled stream_view_type table_class warm_throughput write_capacity"
        ),
        defaults={"deletion_protection_enabled": False},
        absent={"point_in_time_recovery": {"enabled": False}, "server_side_encryption": {"enabled": False}},
        cleared={"server_side_encryption": {"Enabled": False}},
        sets=words("attribute global_secondary_index"),
        forces=words("name hash_key range_key"),
        by_hook=words("hash_key range_key global_secondary_index"),
        send=_send,
        receive=_receive,
        facets=(
            Facet(words("ttl"), _put_ttl, _get_ttl),
            Facet(words("point_in_time_recovery"), _put_recovery, _get_recovery),
        ),
        tags=Tagging(list="list_tags_of_resource"),
    ),
}
