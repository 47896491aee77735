"""Step Functions' state machines."""

from local.terraform_provider.entry import Call, Entry, State, Tagging, words

MACHINE = {"stateMachineArn": "{id}"}
NO_LOG = {"level": "OFF", "include_execution_data": False}


def _send(params: State, state: State, _prior: State | None) -> State:
    logging = params.get("loggingConfiguration")
    destination = state["logging_configuration"][0]["log_destination"] if state["logging_configuration"] else None
    if logging and destination:
        logging["destinations"] = [{"cloudWatchLogsLogGroup": {"logGroupArn": destination}}]
    return params


def _receive(answer: State, _state: State, new: State) -> State:
    destinations = answer["loggingConfiguration"].get("destinations") or [None]
    for logging in new["logging_configuration"]:
        logging["log_destination"] = destinations[0] and destinations[0]["cloudWatchLogsLogGroup"]["logGroupArn"]
    return {"logging_configuration": new["logging_configuration"]}


ENTRIES = {
    "aws_sfn_state_machine": Entry(
        service="stepfunctions",
        create=Call("create_state_machine"),
        read=Call("describe_state_machine", given=MACHINE),
        update=Call("update_state_machine", given=MACHINE),
        delete=Call("delete_state_machine", given=MACHINE),
        id="{arn}",
        rename={"arn": "stateMachineArn"},
        required=words("name"),
        refused=words("name_prefix publish"),
        defaults={"type": "STANDARD"},
        forces=words("name type"),
        unread=words("tracing_configuration"),  # the emulator does not keep it
        absent={
            "encryption_configuration": {"type": "AWS_OWNED_KEY"},
            "logging_configuration": NO_LOG,
            "tracing_configuration": {"enabled": False},
        },
        cleared={
            "encryption_configuration": {"type": "AWS_OWNED_KEY"},
            "logging_configuration": {"level": "OFF", "includeExecutionData": False},
            "tracing_configuration": {"enabled": False},
        },
        volatile={"revision_id": frozenset()},
        by_hook=words("logging_configuration.log_destination"),
        send=_send,
        receive=_receive,
        tags=Tagging(),
    ),
}
