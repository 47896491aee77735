"""EventBridge's rules, and what they call."""

from local.terraform_provider.entry import Call, Client, Entry, State, Tagging, words


def _send_target(params: State, state: State, _prior: State | None) -> State:
    target = {"Id": state["target_id"], "Arn": state["arn"], "Input": state.get("input")}
    params["Targets"] = [{name: value for name, value in target.items() if value is not None}]
    return params


def _read_target(client: Client, state: State) -> State | None:
    """Targets are listed by rule, never asked for singly."""
    found: list[State] = client.list_targets_by_rule(Rule=state["rule"])["Targets"]
    for target in found:
        if target["Id"] == state["target_id"]:
            return {"Rule": state["rule"], "TargetId": target["Id"], "Arn": target["Arn"], "Input": target.get("Input")}
    return None


ENTRIES = {
    "aws_cloudwatch_event_rule": Entry(
        service="events",
        create=Call("put_rule"),
        read=Call("describe_rule", given={"Name": "{id}"}),
        update=Call("put_rule"),
        delete=Call("delete_rule", given={"Name": "{id}"}),
        required=words("name"),
        refused=words("event_bus_name force_destroy is_enabled name_prefix role_arn"),
        defaults={"state": "ENABLED"},
        json=words("event_pattern"),
        retained=words("state"),
        forces=words("name"),
        tags=Tagging(tag="tag_resource", of="{arn}"),
    ),
    "aws_cloudwatch_event_target": Entry(
        service="events",
        create=Call("put_targets"),
        read=_read_target,
        update=Call("put_targets"),
        delete=Call("remove_targets", given={"Rule": "{rule}", "Ids": "{target_id}"}),
        id="{rule}-{target_id}",
        required=words("target_id"),
        refused=words(
            "appsync_target batch_target dead_letter_config ecs_target event_bus_name force_destroy http_target"
            " input_path input_transformer kinesis_target redshift_target retry_policy role_arn run_command_targets"
            " sagemaker_pipeline_target sqs_target"
        ),
        forces=words("rule target_id"),
        send=_send_target,
        by_hook=words("arn input target_id"),
    ),
}
