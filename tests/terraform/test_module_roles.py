"""Who may do what: the roles of the module with its defaults (`stack`) and with most variables set (`other`)."""

import json
from typing import Any

from chalicelib.runtime import announce

from local.settings import REGION
from tests.terraform.applied import FUNCTIONS, RESULTS, STATE_MACHINE, Aws, Stack
from tests.terraform.conftest import OTHER

# The one in use, and the one before it.
KEYS = [OTHER["kms_key_arn"], OTHER["previous_kms_key_arn"]]


def test_roles_allow_what_is_used_and_no_more(stack: Stack, aws: Aws):
    tables = f"arn:aws:dynamodb:{REGION}:000000000000:table/"
    functions = f"arn:aws:lambda:{REGION}:000000000000:function:runcast-"
    api = stack.state("aws_appsync_graphql_api", "runcast")["arn"]
    model = "anthropic.claude-sonnet-4-6"
    announce = {
        f"{functions}status-publisher": {"lambda:InvokeFunction"},
        f"arn:aws:events:{REGION}:000000000000:event-bus/default": {"events:PutEvents"},
    }
    jobs = {
        STATE_MACHINE: {"states:StartExecution"},
        f"{STATE_MACHINE.replace(':stateMachine:', ':execution:')}:*": {"states:StopExecution"},
    }
    results = f"arn:aws:s3:::{RESULTS}/results/*"
    inputs = f"arn:aws:s3:::{RESULTS}/inputs/*"
    snapshots, answers, conversations, uploads = (
        f"arn:aws:s3:::{RESULTS}/{kind}/*" for kind in ("snapshots", "answers", "conversations", "uploads")
    )
    change_conversations = {
        conversations: {"s3:DeleteObject", "s3:GetObject", "s3:PutObject"},
        f"arn:aws:s3:::{RESULTS}": {"s3:ListBucket"},
    }
    invoke_model = {"bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"}
    # By GraphQL and by REST.
    change_runs = {
        f"{tables}AgentProgress": {
            "dynamodb:BatchGetItem",
            "dynamodb:BatchWriteItem",
            "dynamodb:DeleteItem",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
        },
        f"{tables}AgentProgress/index/byOwner": {"dynamodb:Query"},
        f"{tables}AgentProgress/index/openByTenant": {"dynamodb:Query"},
        f"{functions}agent": {"lambda:InvokeFunction"},
        f"{functions}run-closer": {"lambda:InvokeFunction"},
        **change_conversations,
        results: {"s3:DeleteObject"},
        inputs: {"s3:DeleteObject", "s3:GetObject", "s3:PutObject"},
        answers: {"s3:DeleteObject", "s3:PutObject"},
        snapshots: {"s3:DeleteObject"},
        uploads: {"s3:DeleteObject", "s3:GetObject", "s3:PutObject"},
        **jobs,
        **announce,
    }
    expected = {
        "agent": {
            f"{tables}AgentProgress": {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"},
            f"{functions}run-closer": {"lambda:InvokeFunction"},
            conversations: change_conversations[conversations],
            snapshots: {"s3:GetObject", "s3:PutObject"},
            answers: {"s3:GetObject"},
            uploads: {"s3:GetObject"},
            **announce,
            f"arn:aws:bedrock:*::foundation-model/{model}": invoke_model,
            f"arn:aws:bedrock:{REGION}:000000000000:inference-profile/global.{model}": invoke_model,
        },
        "api": {**change_runs, results: {"s3:DeleteObject", "s3:GetObject"}},
        "orchestrator": {
            f"{tables}AgentProgress": {
                "dynamodb:BatchGetItem",
                "dynamodb:ConditionCheckItem",
                "dynamodb:GetItem",
                "dynamodb:PutItem",
                "dynamodb:UpdateItem",
            },
            f"{functions}agent": {"lambda:InvokeFunction"},
            results: {"s3:PutObject"},
            inputs: {"s3:GetObject"},
            **announce,
            f"arn:aws:bedrock:*::foundation-model/{model}": {"bedrock:InvokeModel"},
            f"arn:aws:bedrock:{REGION}:000000000000:inference-profile/global.{model}": {"bedrock:InvokeModel"},
        },
        "progress-reader": {
            f"{tables}AgentProgress": {"dynamodb:BatchGetItem", "dynamodb:GetItem"},
            f"{tables}AgentProgress/index/byOpen": {"dynamodb:Scan"},
            f"{tables}AgentProgress/index/byOwner": {"dynamodb:Query", "dynamodb:Scan"},
            results: {"s3:GetObject"},
            conversations: {"s3:GetObject"},
        },
        "run-closer": {
            f"{tables}AgentProgress": {"dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:UpdateItem"},
            f"{tables}AgentProgress/index/byOpen": {"dynamodb:Scan"},
            f"{functions}agent": {"lambda:InvokeFunction"},
            **announce,
        },
        "run-starter": change_runs,
        "status-publisher": {
            f"{tables}user_sessions": {"dynamodb:GetItem"},
            f"{api}/types/Mutation/fields/publishStatus": {"appsync:GraphQL"},
        },
        "ds-progress-reader": {f"{functions}progress-reader": {"lambda:InvokeFunction"}},
        "ds-run-starter": {f"{functions}run-starter": {"lambda:InvokeFunction"}},
        "ds-user-sessions": {f"{tables}user_sessions": {"dynamodb:PutItem"}},
    }
    reports = {
        "orchestrator": {"states:SendTaskSuccess"},
        "run-closer": {"states:SendTaskFailure", "states:SendTaskSuccess"},
    }
    for name, access in expected.items():
        telemetry = {
            f"arn:aws:logs:{REGION}:000000000000:log-group:/aws/lambda/runcast-{name}:*": {
                "logs:CreateLogStream",
                "logs:PutLogEvents",
            },
            "*": {"xray:PutTelemetryRecords", "xray:PutTraceSegments"} | reports.get(name, set()),
        }
        wanted = access if name.startswith("ds-") else access | telemetry
        assert allowed(aws, f"runcast-{name}-{REGION}") == wanted


def test_the_state_machine_may_invoke_the_orchestrator_log_and_trace(stack: Stack, other: Stack, aws: Aws):
    for prefix in ("", "other-"):
        found = statements(aws, f"{prefix}runcast-playbook-{REGION}", "access")
        function = f"arn:aws:lambda:{REGION}:000000000000:function:{prefix}runcast-orchestrator"
        assert (found["InvokeTheOrchestrator"]["Action"], found["InvokeTheOrchestrator"]["Resource"]) == (
            "lambda:InvokeFunction", function,
        )  # fmt: skip
        for name, service in (("DeliverLogs", "logs:"), ("Traces", "xray:")):
            assert found[name]["Resource"] == "*"  # They know no resources.
            assert all(action.startswith(service) for action in found[name]["Action"])
        assert found.keys() == {"InvokeTheOrchestrator", "DeliverLogs", "Traces"} | (
            {"UseTheKey", "EncryptDeliveredLogs"} if prefix else set()
        )
        role = aws.iam.get_role(RoleName=f"{prefix}runcast-playbook-{REGION}")["Role"]
        [trust] = role["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"Service": "states.amazonaws.com"}
        machine = STATE_MACHINE.replace(":runcast-", f":{prefix}runcast-")
        assert trust["Condition"] == {
            "StringEquals": {"aws:SourceAccount": "000000000000"},
            "ArnLike": {"aws:SourceArn": machine},
        }
    assert found["UseTheKey"]["Condition"] == {
        "StringEquals": {"kms:EncryptionContext:aws:states:stateMachineArn": machine}
    }
    assert found["EncryptDeliveredLogs"] == {
        "Effect": "Allow",
        "Action": "kms:GenerateDataKey",
        "Resource": KEYS,
        "Condition": {"StringEquals": {"kms:EncryptionContext:SourceArn": f"arn:aws:logs:{REGION}:000000000000:*"}},
    }


def test_a_service_assumes_a_role_for_its_own_resource_where_its_guide_says_so(other: Stack, aws: Aws):
    function = f"arn:aws:lambda:{REGION}:000000000000:function:other-runcast-"
    functions = {
        f"other-runcast-{name}": ("lambda", [f"{function}{name}", f"{function}{name}:*"]) for name in FUNCTIONS
    }
    data_sources = {
        f"other-runcast-ds-{name}": ("appsync", f"arn:aws:appsync:{REGION}:000000000000:apis/*")
        for name in ("progress-reader", "run-starter", "user-sessions")
    }
    # Their guides document no such keys.
    bare = {"other-runcast-api-logs": ("appsync", None), "other-runcast-gateway-logs": ("apigateway", None)}
    for name, (service, resource) in (functions | data_sources | bare).items():
        [trust] = aws.iam.get_role(RoleName=f"{name}-{REGION}")["Role"]["AssumeRolePolicyDocument"]["Statement"]
        assert (trust["Action"], trust["Principal"]) == ("sts:AssumeRole", {"Service": f"{service}.amazonaws.com"})
        assert trust.get("Condition") == (
            {"StringEquals": {"aws:SourceAccount": "000000000000"}, "ArnLike": {"aws:SourceArn": resource}}
            if resource
            else None
        ), name


def test_functions_of_ones_own_may_be_started_and_those_only(other: Stack, aws: Aws):
    functions = [
        f"arn:aws:lambda:{REGION}:000000000000:function:other-runcast-agent",
        *OTHER["agent_functions"].values(),
    ]
    names = {"InvokeAgents": ("api", "orchestrator", "run-starter"), "HandOutParts": ("run-closer",)}
    for name, statement in ((name, statement) for statement, named in names.items() for name in named):
        invoke = statements(aws, f"other-runcast-{name}-{REGION}", "access")[statement]
        assert (invoke["Action"], sorted(invoke["Resource"])) == ("lambda:InvokeFunction", sorted(functions))


def test_what_an_operator_is_allowed(stack: Stack):
    fields = f"{stack.state('aws_appsync_graphql_api', 'runcast')['arn']}/types"
    [statement] = json.loads(stack.terraform.output()["operator_policy_json"])["Statement"]
    statement["Resource"].sort()
    assert statement == {
        "Sid": "OperateRuns",
        "Effect": "Allow",
        "Action": "appsync:GraphQL",
        "Resource": [
            f"{fields}/Mutation/fields/operatorCancelRun",
            f"{fields}/Mutation/fields/operatorDeleteRuns",
            f"{fields}/Query/fields/operatorGetProgress",
            f"{fields}/Query/fields/operatorListRuns",
        ],
    }


def test_what_a_recorder_elsewhere_is_allowed(stack: Stack, other: Stack):
    for made, prefix, key in ((stack, "", None), (other, "other-", KEYS)):
        document = json.loads(made.terraform.output()["recorder_policy_json"])
        allowed = {statement.pop("Sid"): statement for statement in document["Statement"]}
        table = f"arn:aws:dynamodb:{REGION}:000000000000:table/{prefix}AgentProgress"
        assert allowed.pop("RecordRuns") == allow(["dynamodb:UpdateItem", "dynamodb:PutItem"], table)
        # It reads no records, only whether a run is to be cancelled.
        assert allowed.pop("LookForCancels") == allow("dynamodb:GetItem", table) | {
            "Condition": {
                "ForAllValues:StringLike": {"dynamodb:LeadingKeys": "*#cancel/*"},
                "Null": {"dynamodb:LeadingKeys": "false"},
            }
        }
        assert allowed.pop("PublishStatus") == allow(
            "lambda:InvokeFunction", f"arn:aws:lambda:{REGION}:000000000000:function:{prefix}runcast-status-publisher"
        )
        assert allowed.pop("HandOverRuns") == allow(
            "lambda:InvokeFunction", f"arn:aws:lambda:{REGION}:000000000000:function:{prefix}runcast-run-closer"
        )
        if key:
            use = allowed.pop("UseTheKey")
            services = [f"{service}.{REGION}.amazonaws.com" for service in ("dynamodb", "s3")]
            assert (use["Resource"], use["Condition"]["StringEquals"].keys()) == (key, {"kms:ViaService"})
            assert sorted(use["Condition"]["StringEquals"]["kms:ViaService"]) == services
        # Only the answers to questions, the states of runs and their files, of all that the bucket holds.
        assert allowed.pop("KeepStates") == allow(
            ["s3:PutObject", "s3:GetObject"], f"arn:aws:s3:::{prefix}{RESULTS}/snapshots/*"
        )
        assert allowed.pop("ReadAnswersAndUploads") == allow(
            "s3:GetObject", [f"arn:aws:s3:::{prefix}{RESULTS}/{kind}/*" for kind in ("uploads", "answers")]
        )
        assert allowed == {}


def allow(action: str | list[str], resource: str | list[str]) -> dict[str, Any]:
    """The statement that allows this, without its name."""
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def test_events_may_be_put_in_our_own_name_only(stack: Stack, aws: Aws):
    for name in ("agent", "api", "orchestrator", "run-closer", "run-starter"):
        put = statements(aws, f"runcast-{name}-{REGION}", "announce")["PutRunEnded"]
        assert put["Condition"] == {
            "ForAllValues:StringEquals": {"events:source": announce.SOURCE},
            "Null": {"events:source": "false"},
        }


def test_a_plain_model_needs_no_inference_profile(other: Stack, aws: Aws):
    resources = allowed(aws, f"other-runcast-agent-{REGION}")
    models = [resource for resource in resources if "bedrock" in resource]
    assert models == [f"arn:aws:bedrock:{REGION}::foundation-model/amazon.nova-lite-v1:0"]


def test_the_model_behind_a_profile_may_be_asked_through_that_profile_only(stack: Stack, aws: Aws):
    conditions = {
        statement["Resource"]: statement.get("Condition")
        for statement in statements(aws, f"runcast-agent-{REGION}", "access").values()
        if "bedrock:InvokeModel" in statement["Action"]
    }
    profile = f"arn:aws:bedrock:{REGION}:000000000000:inference-profile/global.anthropic.claude-sonnet-4-6"
    assert conditions == {
        profile: None,
        "arn:aws:bedrock:*::foundation-model/anthropic.claude-sonnet-4-6": {
            "ArnEquals": {"bedrock:InferenceProfileArn": profile}
        },
    }


def test_roles_may_use_the_key_through_the_services_that_encrypt_with_it(stack: Stack, other: Stack, aws: Aws):
    key = {
        "Effect": "Allow",
        "Action": {"kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"},
        "Resource": KEYS,
    }
    through = {name: f"{name}.{REGION}.amazonaws.com" for name in ("dynamodb", "lambda", "s3", "states")}
    more = {
        "agent": ("s3",),
        "api": ("s3", "states"),
        "orchestrator": ("s3", "states"),
        "progress-reader": ("s3",),
        "run-closer": ("states",),
        "run-starter": ("s3", "states"),
    }
    for name in FUNCTIONS:
        found = statements(aws, f"other-runcast-{name}-{REGION}", "basics")["UseTheKey"]
        via = set(found.pop("Condition")["StringEquals"]["kms:ViaService"])
        services = ("dynamodb", "lambda", *more.get(name, ()))
        assert ({**found, "Action": set(found["Action"])}, via) == (key, {through[each] for each in services})
    sessions = statements(aws, f"other-runcast-ds-user-sessions-{REGION}", "access")["UseTheKey"]
    via = sessions.pop("Condition")["StringEquals"]["kms:ViaService"]
    assert ({**sessions, "Action": set(sessions["Action"])}, via) == (key, through["dynamodb"])
    assert "UseTheKey" not in statements(aws, f"other-runcast-ds-run-starter-{REGION}", "access")
    assert "UseTheKey" not in statements(aws, f"runcast-agent-{REGION}", "basics")


def test_only_the_agent_s_function_joins_the_network_and_its_code_may_not_touch_it(other: Stack, aws: Aws):
    basics = statements(aws, f"other-runcast-agent-{REGION}", "basics")
    join, leave = basics["JoinTheNetwork"], basics["LeaveTheNetworkToLambda"]
    assert (join["Effect"], leave["Effect"]) == ("Allow", "Deny")
    assert "ec2:CreateNetworkInterface" in join["Action"]
    assert join["Action"] == leave["Action"]
    function = f"arn:aws:lambda:{REGION}:000000000000:function:other-runcast-agent"
    assert leave["Condition"] == {"ArnEquals": {"lambda:SourceFunctionArn": function}}
    for name in set(FUNCTIONS) - {"agent"}:
        assert "JoinTheNetwork" not in statements(aws, f"other-runcast-{name}-{REGION}", "basics")


def allowed(aws: Aws, role: str) -> dict[str, set[str]]:
    """What a role's policies allow: the actions on each resource."""
    found: dict[str, set[str]] = {}
    for name in aws.iam.list_role_policies(RoleName=role)["PolicyNames"]:
        for statement in statements(aws, role, name).values():
            for resource in as_list(statement["Resource"]):
                if statement["Effect"] == "Allow":
                    found.setdefault(resource, set()).update(as_list(statement["Action"]))
    return found


def statements(aws: Aws, role: str, policy: str) -> dict[str, dict[str, Any]]:
    """The statements of one policy of a role by their names, without these."""
    document = aws.iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
    found = (document if isinstance(document, dict) else json.loads(document))["Statement"]
    return {statement.pop("Sid", ""): statement for statement in as_list(found)}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
