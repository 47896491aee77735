"""Functions run on a bare interpreter with their role's rights; a failing model is an error."""

import base64
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.settings import FUNCTION_PYTHON
from packager.platforms import DEFAULT_RUNTIME, RUNTIMES, find_interpreter, runtime_of
from tests.local.appsync_api import REGION, Aws, ModelServer

PROFILE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
CODE = """
import importlib, os, sys, time

def handler(event, context):
    if "import" in event:
        importlib.import_module(event["import"])
    time.sleep(event.get("sleep", 0))
    sys.stderr.write(event.get("log", ""))
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "PYTHONPATH")
    version = "python%d.%d" % sys.version_info[:2]
    return {"path": sys.path, "version": version, **{name: os.environ.get(name) for name in names}}
"""


def put_role(aws: Aws, name: str, *statements: dict[str, Any]) -> str:
    iam = aws.client("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    iam.put_role_policy(RoleName=name, PolicyName="rights", PolicyDocument=policy)
    return arn


def create_function(aws: Aws, name: str, role: str, code: str = CODE, runtime: str = DEFAULT_RUNTIME) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", code)
    aws.client("lambda").create_function(
        FunctionName=name,
        Runtime=runtime,
        Handler="app.handler",
        Role=role,
        Timeout=60,
        Code={"ZipFile": packed.getvalue()},
    )


def invoke(aws: Aws, name: str, **event: Any) -> tuple[bool, Any]:
    answer = aws.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
    return "FunctionError" not in answer, json.loads(answer["Payload"].read())


def refusal(error: pytest.ExceptionInfo[ClientError]) -> str:
    code: str = error.value.response["Error"]["Code"]
    return code


@pytest.fixture(scope="session")
def function(aws: Aws) -> str:
    table = f"arn:aws:dynamodb:{REGION}:000000000000:table/Readable"
    role = put_role(aws, "reader", {"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": table})
    create_function(aws, "probe", role)
    aws.client("dynamodb").create_table(
        TableName="Readable",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    return "probe"


@pytest.mark.parametrize("module", ["pytest", "botocore", "ministack", "graphql", "local", "runcast"])
def test_a_function_imports_nothing_but_its_zip(aws: Aws, function: str, module: str) -> None:
    succeeded, answer = invoke(aws, function, **{"import": module})
    assert not succeeded
    assert answer["errorType"] == "ModuleNotFoundError"
    assert f"No module named '{module}'" in answer["errorMessage"]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_function_runs_on_the_python_of_its_runtime_or_of_the_first_choice(aws: Aws, runtime: str) -> None:
    name = runtime.replace(".", "-")
    role = put_role(aws, name, {"Effect": "Deny", "Action": "*", "Resource": "*"})
    create_function(aws, name, role, runtime=runtime)
    succeeded, answer = invoke(aws, name)
    assert succeeded
    assert answer["version"] == (runtime if find_interpreter(runtime) else runtime_of(FUNCTION_PYTHON))


@pytest.mark.parametrize(
    ("lines", "end"),
    [
        ([], ""),
        (["one"], "\n"),
        (["one", "", "three"], "\n"),
        (["no end"], ""),
        ([f"{n:04}" for n in range(1000)], "\n"),
    ],
)
def test_the_log_of_an_invocation_holds_its_lines_and_no_others(
    aws: Aws, function: str, lines: list[str], end: str
) -> None:
    for _ in range(2):
        answer = aws.client("lambda").invoke(
            FunctionName=function, LogType="Tail", Payload=json.dumps({"log": "\n".join(lines) + end})
        )
        assert "FunctionError" not in answer
        log = base64.b64decode(answer.get("LogResult", "")).decode(errors="replace")
        written = [line for line in log.splitlines() if not line.startswith(("START ", "END ", "REPORT "))]
        # Lambda returns the last 4 KB only.
        assert [line for line in written if line][-500:] == [line for line in lines if line][-500:]


def test_a_function_reaches_the_front_with_its_roles_rights_only(aws: Aws, function: str) -> None:
    succeeded, environment = invoke(aws, function)
    assert succeeded, environment
    assert environment["AWS_ENDPOINT_URL"] == aws.url
    assert environment["PYTHONPATH"] is None
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    key, secret, token = (environment[name] for name in names)
    dynamodb = aws.client("dynamodb", key, secret, token)
    item = {"id": {"S": "1"}}
    assert "Item" not in dynamodb.get_item(TableName="Readable", Key=item)
    with pytest.raises(ClientError) as denied:
        dynamodb.put_item(TableName="Readable", Item=item)
    assert refusal(denied) == "AccessDeniedException"
    with pytest.raises(ClientError) as forged:
        aws.client("dynamodb", key, "wrong", token).get_item(TableName="Readable", Key=item)
    assert refusal(forged) == "InvalidSignatureException"


def converse(bedrock: Any) -> str:
    answer = bedrock.converse(modelId=PROFILE, messages=[{"role": "user", "content": [{"text": "hello"}]}])
    text: str = answer["output"]["message"]["content"][0]["text"]
    return text


def converse_stream(bedrock: Any) -> str:
    answer = bedrock.converse_stream(modelId=PROFILE, messages=[{"role": "user", "content": [{"text": "hello"}]}])
    deltas = [event["contentBlockDelta"]["delta"] for event in answer["stream"] if "contentBlockDelta" in event]
    return "".join(delta["text"] for delta in deltas)


@pytest.fixture
def model(model_server: ModelServer) -> Iterator[ModelServer]:
    yield model_server
    model_server.status = 200


@pytest.mark.parametrize("call", [converse, converse_stream])
def test_the_models_answer_and_its_failure(aws: Aws, model: ModelServer, call: Any) -> None:
    bedrock = aws.client("bedrock-runtime")
    assert call(bedrock) == "hello from the model"
    model.status = 500
    with pytest.raises(ClientError) as failed:
        call(bedrock)
    assert refusal(failed) == "ModelErrorException"


@pytest.fixture(scope="session")
def model_credentials(aws: Aws) -> Any:
    """Makes credentials with a given statement: (action, resources) -> (key, secret, token)."""
    sts, made = aws.client("sts"), iter(range(1000))

    def make(action: str, *resources: str, profile: str = "*") -> tuple[str, str, str]:
        condition = {"StringLikeIfExists": {"bedrock:InferenceProfileArn": profile}}
        statement = {"Effect": "Allow", "Action": action, "Resource": list(resources), "Condition": condition}
        role = put_role(aws, f"model-{next(made)}", statement)
        given = sts.assume_role(RoleArn=role, RoleSessionName="tests")["Credentials"]
        return given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"]

    return make


PROFILE_ARN = f"arn:aws:bedrock:{REGION}:000000000000:inference-profile/{PROFILE}"
MODEL_ARN = f"arn:aws:bedrock:{REGION}::foundation-model/{PROFILE.removeprefix('us.')}"


@pytest.mark.parametrize(
    ("call", "action"),
    [(converse, "bedrock:InvokeModel"), (converse_stream, "bedrock:InvokeModelWithResponseStream")],
)
def test_a_conversation_needs_the_right_to_invoke_the_profile_and_its_model(
    aws: Aws, model_credentials: Any, call: Any, action: str
) -> None:
    allowed = model_credentials(action, PROFILE_ARN, MODEL_ARN)
    assert call(aws.client("bedrock-runtime", *allowed)) == "hello from the model"
    by_profile = model_credentials(action, PROFILE_ARN, MODEL_ARN, profile=PROFILE_ARN)
    assert call(aws.client("bedrock-runtime", *by_profile)) == "hello from the model"
    for credentials in (
        model_credentials(action, PROFILE_ARN, MODEL_ARN, profile=f"{PROFILE_ARN}-other"),
        model_credentials(action, PROFILE_ARN),
        model_credentials(action, MODEL_ARN),
        model_credentials("bedrock:Converse*", PROFILE_ARN, MODEL_ARN),
    ):
        with pytest.raises(ClientError) as denied:
            call(aws.client("bedrock-runtime", *credentials))
        assert refusal(denied) == "AccessDeniedException"
        assert action in str(denied.value)


def test_the_sources_of_events_are_compared_one_by_one(aws: Aws) -> None:
    bus = f"arn:aws:events:{REGION}:000000000000:event-bus/default"
    put = {"Effect": "Allow", "Action": "events:PutEvents", "Resource": bus}
    each = {"ForAllValues:StringEquals": {"events:source": ["runcast"]}, "Null": {"events:source": "false"}}
    # An operator for one value does not hold for a key with several.
    single = {"StringEquals": {"events:source": "runcast"}}
    allowed = {}
    for name, condition in (("each", each), ("single", single)):
        role = put_role(aws, f"puts-events-{name}", {**put, "Condition": condition})
        given = aws.client("sts").assume_role(RoleArn=role, RoleSessionName="tests")["Credentials"]
        events = aws.client("events", given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
        for sources in (("runcast",), ("runcast", "runcast"), ("runcast", "other")):
            entries = [{"Source": source, "DetailType": "run.ended", "Detail": "{}"} for source in sources]
            allowed[name, *sources] = is_allowed(
                lambda events=events, entries=entries: events.put_events(Entries=entries)
            )
    assert [key for key, value in allowed.items() if value] == [("each", "runcast"), ("each", "runcast", "runcast")]


def test_the_key_of_an_item_is_compared(aws: Aws) -> None:
    key = {"AttributeName": "id", "KeyType": "HASH"}
    definition = {"AttributeName": "id", "AttributeType": "S"}
    aws.client("dynamodb").create_table(
        TableName="hints", KeySchema=[key], AttributeDefinitions=[definition], BillingMode="PAY_PER_REQUEST"
    )
    condition = {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["*#cancel/*"]},
        "Null": {"dynamodb:LeadingKeys": "false"},
    }
    table = f"arn:aws:dynamodb:{REGION}:000000000000:table/hints"
    read = {"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": table, "Condition": condition}
    role = put_role(aws, "reads-hints", read)
    given = aws.client("sts").assume_role(RoleArn=role, RoleSessionName="tests")["Credentials"]
    dynamodb = aws.client("dynamodb", given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    allowed = [
        item
        for item in ("run#cancel/worker", "run", "run#5")
        if is_allowed(lambda item=item: dynamodb.get_item(TableName="hints", Key={"id": {"S": item}}))
    ]
    assert allowed == ["run#cancel/worker"]


def is_allowed(call: Callable[[], Any]) -> bool:
    try:
        call()
    except ClientError as error:
        if error.response["Error"]["Code"] != "AccessDeniedException":
            raise
        return False
    return True
