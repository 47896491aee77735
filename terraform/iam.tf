# One role for each Lambda and each data source, with only the permissions that it uses. Role names are global within an
# account. With the region in them, two regions can use the same prefix.

# Trust policies: each role can be assumed by one service, limited to a resource if the service's guide documents those
# condition keys. API Gateway's guide does not, and AppSync's does not for the role that writes logs.
# Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html
# Source: https://docs.aws.amazon.com/appsync/latest/devguide/attaching-a-data-source.html
# Source: https://docs.aws.amazon.com/step-functions/latest/dg/procedure-create-iam-role.html
locals {
  # By their names, because functions name one another in their settings.
  function_arns = {
    for name, function_name in local.function_names :
    name => "arn:${local.partition}:lambda:${local.region}:${local.account_id}:function:${function_name}"
  }

  role_users = merge(
    {
      api_logs     = { service = "appsync", source_arns = null }
      data_source  = { service = "appsync", source_arns = ["arn:${local.partition}:appsync:${local.region}:${local.account_id}:apis/*"] }
      gateway_logs = { service = "apigateway", source_arns = null }
      playbook     = { service = "states", source_arns = [local.state_machine_arn] }
    },
    {
      for name, arn in local.function_arns : name => {
        service = "lambda"
        # The resource with and without a version.
        source_arns = [arn, "${arn}:*"]
      }
    },
  )
}

data "aws_iam_policy_document" "trust" {
  for_each = local.role_users

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["${each.value.service}.amazonaws.com"]
    }

    dynamic "condition" {
      for_each = each.value.source_arns == null ? [] : [local.account_id]

      content {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [condition.value]
      }
    }

    dynamic "condition" {
      for_each = each.value.source_arns == null ? [] : [each.value.source_arns]

      content {
        test     = "ArnLike"
        variable = "aws:SourceArn"
        values   = condition.value
      }
    }
  }
}

# ---- The Lambdas

resource "aws_iam_role" "function" {
  for_each = local.function_names

  name                 = "${each.value}-${local.region}"
  description          = "The permissions of the function ${each.value}."
  assume_role_policy   = data.aws_iam_policy_document.trust[each.key].json
  permissions_boundary = var.permissions_boundary_arn

  tags = var.tags
}

# The permissions that Lambda requires before it creates or starts a function. Other permissions refer to the functions, so
# they are created later.
data "aws_iam_policy_document" "function_basics" {
  for_each = local.function_names

  source_policy_documents = [data.aws_iam_policy_document.key[each.key].json]

  statement {
    sid       = "Logs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.function[each.key].arn}:*"]
  }

  statement {
    sid       = "Traces"
    actions   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
    resources = ["*"] # X-Ray knows no resources for these actions.
  }

  dynamic "statement" {
    for_each = each.key == "agent" ? var.vpc_config[*] : []

    content {
      sid       = "JoinTheNetwork"
      actions   = local.network_actions
      resources = ["*"] # The interfaces do not exist yet, and EC2 describes all or nothing.
    }
  }

  # Lambda manages network interfaces on the function's behalf. The function's code, and so the agent, must not.
  # Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
  dynamic "statement" {
    for_each = each.key == "agent" ? var.vpc_config[*] : []

    content {
      sid       = "LeaveTheNetworkToLambda"
      effect    = "Deny"
      actions   = local.network_actions
      resources = ["*"]

      condition {
        test     = "ArnEquals"
        variable = "lambda:SourceFunctionArn"
        values   = [local.function_arns[each.key]]
      }
    }
  }
}

locals {
  # The current key and, during a change, the previous one, which still encrypts older data.
  kms_key_arns = compact([var.kms_key_arn, var.previous_kms_key_arn])

  table_key_actions = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]

  # The encrypted resources that the functions use, apart from the table. A report with a task token is encrypted, too.
  # Source: https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskFailure.html
  services_with_the_key = {
    agent           = ["s3"]
    api_handler     = ["s3", "states"]
    orchestrator    = ["s3", "states"]
    progress_reader = ["s3"]
    run_closer      = ["states"]
    run_starter     = ["s3", "states"]
  }

  network_actions = [
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
  ]
}

resource "aws_iam_role_policy" "function_basics" {
  for_each = local.function_names

  name   = "basics"
  role   = aws_iam_role.function[each.key].id
  policy = data.aws_iam_policy_document.function_basics[each.key].json
}

locals {
  bedrock_profile_prefix = try(regex("^(?:apac|au|ca|eu|global|jp|us|us-gov)\\.", var.bedrock_model_id), "")
  bedrock_model          = "foundation-model/${trimprefix(var.bedrock_model_id, local.bedrock_profile_prefix)}"
  bedrock_profile_arns = local.bedrock_profile_prefix == "" ? [] : [
    "arn:${local.partition}:bedrock:${local.region}:${local.account_id}:inference-profile/${var.bedrock_model_id}",
  ]
}

# Permissions on the key for each function (its environment, the table, and for some the bucket and the jobs) and for the
# other roles that use a table or record runs. They are limited to requests through these services.
# Source: https://docs.aws.amazon.com/kms/latest/developerguide/services-dynamodb.html
data "aws_iam_policy_document" "key" {
  for_each = merge({ table = ["dynamodb"], recorder = ["dynamodb", "s3"] }, {
    for name in keys(local.function_names) :
    name => concat(["dynamodb", "lambda"], lookup(local.services_with_the_key, name, []))
  })

  dynamic "statement" {
    for_each = length(local.kms_key_arns) > 0 ? [local.kms_key_arns] : []

    content {
      sid       = "UseTheKey"
      actions   = local.table_key_actions
      resources = statement.value

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = [for service in each.value : "${service}.${local.region}.amazonaws.com"]
      }
    }
  }
}

# The permissions that an agent needs to be recorded and published, for the module's agents and your own.
data "aws_iam_policy_document" "recorder" {
  source_policy_documents = [data.aws_iam_policy_document.key["recorder"].json]

  statement {
    sid       = "RecordRuns"
    actions   = ["dynamodb:PutItem", "dynamodb:UpdateItem"]
    resources = [aws_dynamodb_table.agent_progress.arn]
  }

  # Only the items that signal a cancel request, not the records.
  statement {
    sid       = "LookForCancels"
    actions   = ["dynamodb:GetItem"]
    resources = [aws_dynamodb_table.agent_progress.arn]

    condition {
      test     = "ForAllValues:StringLike"
      variable = "dynamodb:LeadingKeys"
      values   = ["*#cancel/*"]
    }

    condition {
      test     = "Null"
      variable = "dynamodb:LeadingKeys"
      values   = ["false"]
    }
  }

  statement {
    sid       = "PublishStatus"
    actions   = ["lambda:InvokeFunction"]
    resources = [aws_lambda_function.status_publisher.arn]
  }

  # For the recorder, which hands over ends that it could not store in time, and for Lambda, which reports failed
  # invocations. By its name, because run_closer's settings name the functions that use these permissions.
  statement {
    sid       = "HandOverRuns"
    actions   = ["lambda:InvokeFunction"]
    resources = [local.function_arns["run_closer"]]
  }

  statement {
    sid       = "ReadAnswersAndUploads"
    actions   = ["s3:GetObject"]
    resources = [local.answers_arn, local.uploads_arn]
  }

  # A run that asks a question, or takes longer than one Lambda lives, is continued by another invocation.
  statement {
    sid       = "KeepStates"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = [local.snapshots_arn]
  }
}

data "aws_iam_policy_document" "model" {
  for_each = {
    # The module's agents stream. Your own need not.
    agent        = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
    orchestrator = ["bedrock:InvokeModel"]
  }

  statement {
    sid     = "AskTheModel"
    actions = each.value
    resources = (
      length(local.bedrock_profile_arns) == 0
      ? ["arn:${local.partition}:bedrock:${local.region}::${local.bedrock_model}"]
      : local.bedrock_profile_arns
    )
  }

  # A call through an inference profile also needs permission for the profile's model in each of its regions, and for a
  # global profile the model without a region. The condition allows these models only through that profile.
  # Source: https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-prereq.html
  dynamic "statement" {
    for_each = local.bedrock_profile_arns

    content {
      sid       = "AskTheModelBehindTheProfile"
      actions   = each.value
      resources = ["arn:${local.partition}:bedrock:*::${local.bedrock_model}"]

      condition {
        test     = "ArnEquals"
        variable = "bedrock:InferenceProfileArn"
        values   = [statement.value]
      }
    }
  }
}

data "aws_iam_policy_document" "agent" {
  source_policy_documents = compact([
    data.aws_iam_policy_document.recorder.json,
    data.aws_iam_policy_document.model["agent"].json,
    var.agent.policy_json,
  ])

  # A conversation is continued by another invocation.
  statement {
    sid       = "KeepConversations"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = [local.conversations_arn]
  }

  # A state that was stored too late for its turn: the user may have deleted the conversation.
  statement {
    sid       = "DeleteLateStates"
    actions   = ["s3:DeleteObject"]
    resources = [local.conversations_arn]
  }

  dynamic "statement" {
    for_each = length(var.agent.secrets) > 0 ? [values(var.agent.secrets)] : []

    content {
      sid       = "ReadTheSecrets"
      actions   = ["secretsmanager:GetSecretValue"]
      resources = statement.value
    }
  }
}

# The task token, a secret of one execution, names the task: IAM knows no resources for these actions. The orchestrator
# reports only runs that are complete.
# Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsstepfunctions.html
data "aws_iam_policy_document" "report_runs" {
  for_each = {
    orchestrator = ["states:SendTaskSuccess"]
    run_closer   = ["states:SendTaskFailure", "states:SendTaskSuccess"]
  }

  statement {
    sid       = "ReportRunsToJobs"
    actions   = each.value
    resources = ["*"]
  }
}

data "aws_iam_policy_document" "orchestrator" {
  source_policy_documents = [
    data.aws_iam_policy_document.model["orchestrator"].json,
    data.aws_iam_policy_document.report_runs["orchestrator"].json,
  ]

  statement {
    sid = "RecordJobsAndReadTheirRuns"
    actions = [
      "dynamodb:BatchGetItem",
      "dynamodb:ConditionCheckItem",
      "dynamodb:GetItem",
      "dynamodb:PutItem",
      "dynamodb:UpdateItem",
    ]
    resources = [aws_dynamodb_table.agent_progress.arn]
  }

  statement {
    sid       = "InvokeAgents"
    actions   = ["lambda:InvokeFunction"]
    resources = concat([local.function_arns["agent"]], values(var.agent_functions))
  }

  statement {
    sid       = "KeepResults"
    actions   = ["s3:PutObject"]
    resources = [local.results_arn]
  }

  statement {
    sid       = "ReadInputs"
    actions   = ["s3:GetObject"]
    resources = [local.inputs_arn]
  }
}

locals {
  runs_by_owner_arn = "${aws_dynamodb_table.agent_progress.arn}/index/byOwner"
  conversations_arn = "${aws_s3_bucket.results.arn}/conversations/*"
  answers_arn       = "${aws_s3_bucket.results.arn}/answers/*"
  inputs_arn        = "${aws_s3_bucket.results.arn}/inputs/*"
  results_arn       = "${aws_s3_bucket.results.arn}/results/*"
  snapshots_arn     = "${aws_s3_bucket.results.arn}/snapshots/*"
  uploads_arn       = "${aws_s3_bucket.results.arn}/uploads/*"
}

# What users of both APIs may read.
data "aws_iam_policy_document" "reads" {
  statement {
    sid       = "ReadRuns"
    actions   = ["dynamodb:BatchGetItem", "dynamodb:GetItem"]
    resources = [aws_dynamodb_table.agent_progress.arn]
  }

  statement {
    sid       = "ListRuns"
    actions   = ["dynamodb:Query"]
    resources = [local.runs_by_owner_arn]
  }

  # A link to a result has the permissions of the role that signed it.
  statement {
    sid       = "ReadConversationsAndLinkResults"
    actions   = ["s3:GetObject"]
    resources = [local.conversations_arn, local.results_arn]
  }
}

data "aws_iam_policy_document" "run_closer" {
  source_policy_documents = [data.aws_iam_policy_document.report_runs["run_closer"].json]

  statement {
    sid       = "EndRuns"
    actions   = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:UpdateItem"]
    resources = [aws_dynamodb_table.agent_progress.arn]
  }

  statement {
    sid       = "FindOpenRuns"
    actions   = ["dynamodb:Scan"]
    resources = ["${aws_dynamodb_table.agent_progress.arn}/index/byOpen"]
  }

  # By its name, because the agent's own settings name this function.
  statement {
    sid       = "HandOutParts"
    actions   = ["lambda:InvokeFunction"]
    resources = concat([local.function_arns["agent"]], values(var.agent_functions))
  }
}

data "aws_iam_policy_document" "run_starter" {
  # Which records and objects a user may delete is known from the user's list of runs.
  statement {
    sid = "CreateCancelAndDeleteRuns"
    actions = [
      "dynamodb:BatchGetItem",
      "dynamodb:BatchWriteItem",
      "dynamodb:DeleteItem",
      "dynamodb:GetItem",
      "dynamodb:PutItem",
      "dynamodb:UpdateItem",
    ]
    resources = [aws_dynamodb_table.agent_progress.arn]
  }

  # The second index is for the limits of users and tenants. The other counts are items of the table.
  statement {
    sid       = "ListOwnRunsAndCountOpenOnes"
    actions   = ["dynamodb:Query"]
    resources = [local.runs_by_owner_arn, "${aws_dynamodb_table.agent_progress.arn}/index/openByTenant"]
  }

  statement {
    sid       = "InvokeAgents"
    actions   = ["lambda:InvokeFunction"]
    resources = concat([local.function_arns["agent"]], values(var.agent_functions))
  }

  # run_closer reports an answer or a cancel of a job's run to the job's execution.
  statement {
    sid       = "HandOverChanges"
    actions   = ["lambda:InvokeFunction"]
    resources = [aws_lambda_function.run_closer.arn]
  }

  statement {
    sid       = "StartJobs"
    actions   = ["states:StartExecution"]
    resources = [aws_sfn_state_machine.playbook.arn]
  }

  statement {
    sid       = "StopJobs"
    actions   = ["states:StopExecution"]
    resources = ["${replace(aws_sfn_state_machine.playbook.arn, ":stateMachine:", ":execution:")}:*"]
  }

  # A repeated start reads the input that is stored already. A branch copies the state from which it begins. A form that
  # uploads a file has the permissions of the role that signed it, and a start reads the beginning of the file.
  statement {
    sid       = "StoreInputsAndUploadsAndCopyConversations"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = [local.conversations_arn, local.inputs_arn, local.uploads_arn]
  }

  statement {
    sid       = "StoreAnswers"
    actions   = ["s3:PutObject"]
    resources = [local.answers_arn]
  }

  statement {
    sid     = "DeleteObjects"
    actions = ["s3:DeleteObject"]
    resources = [
      local.answers_arn,
      local.conversations_arn,
      local.inputs_arn,
      local.results_arn,
      local.snapshots_arn,
      local.uploads_arn,
    ]
  }

  statement {
    sid       = "FindObjects"
    actions   = ["s3:ListBucket"]
    resources = [aws_s3_bucket.results.arn]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["answers/*", "conversations/*", "inputs/*", "results/*", "snapshots/*", "uploads/*"]
    }
  }

  # These checks are here because a function in agent_functions may itself depend on most of the module. Earlier checks
  # would create a cycle.
  lifecycle {
    precondition {
      condition     = length(setintersection(keys(var.agent_functions), local.packaged_agents)) == 0
      error_message = "agent_functions must not name agents that deployment.zip contains: ${join(", ", local.packaged_agents)}."
    }

    # Lambda measures the environment as JSON. The other variables of api_handler, the fullest, need up to 1,120 characters.
    # Source: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    precondition {
      condition     = length(jsonencode([jsonencode(var.agent_functions), join(" ", var.cors_origins), local.oidc])) <= 2900
      error_message = "agent_functions, cors_origins and oidc_* must together be at most 2,900 characters as JSON: Lambda limits the environment of a function to 4 KB."
    }

    precondition {
      condition     = alltrue([for arn in values(var.agent_functions) : split(":", arn)[3] == local.region])
      error_message = "The functions in agent_functions must be in ${local.region}."
    }
  }
}

data "aws_iam_policy_document" "progress_reader" {
  source_policy_documents = [data.aws_iam_policy_document.reads.json]

  statement {
    sid       = "ListRunsForOperators"
    actions   = ["dynamodb:Scan"]
    resources = [local.runs_by_owner_arn, "${aws_dynamodb_table.agent_progress.arn}/index/byOpen"]
  }
}

# The REST API answers what both functions of the GraphQL API answer to users.
data "aws_iam_policy_document" "api_handler" {
  source_policy_documents = [
    data.aws_iam_policy_document.reads.json,
    data.aws_iam_policy_document.run_starter.json,
  ]
}

data "aws_iam_policy_document" "status_publisher" {
  statement {
    sid       = "FindSessions"
    actions   = ["dynamodb:GetItem"]
    resources = [aws_dynamodb_table.user_sessions.arn]
  }

  statement {
    sid     = "PublishStatus"
    actions = ["appsync:GraphQL"]
    resources = [
      "${aws_appsync_graphql_api.runcast.arn}/types/Mutation/fields/publishStatus",
    ]
  }
}

resource "aws_iam_role_policy" "function_access" {
  for_each = {
    agent            = data.aws_iam_policy_document.agent.json
    api_handler      = data.aws_iam_policy_document.api_handler.json
    orchestrator     = data.aws_iam_policy_document.orchestrator.json
    progress_reader  = data.aws_iam_policy_document.progress_reader.json
    run_closer       = data.aws_iam_policy_document.run_closer.json
    run_starter      = data.aws_iam_policy_document.run_starter.json
    status_publisher = data.aws_iam_policy_document.status_publisher.json
  }

  name   = "access"
  role   = aws_iam_role.function[each.key].id
  policy = each.value
}

# Each function that can end a run announces the end, live and with an event.
data "aws_iam_policy_document" "announce" {
  statement {
    sid       = "PublishStatus"
    actions   = ["lambda:InvokeFunction"]
    resources = [aws_lambda_function.status_publisher.arn]
  }

  statement {
    sid       = "PutRunEnded"
    actions   = ["events:PutEvents"]
    resources = ["arn:${local.partition}:events:${local.region}:${local.account_id}:event-bus/default"]

    # A request contains the sources of all its events. ForAllValues is also true without any source, so Null is needed.
    # Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-conditions.html
    condition {
      test     = "ForAllValues:StringEquals"
      variable = "events:source"
      values   = ["runcast"]
    }

    condition {
      test     = "Null"
      variable = "events:source"
      values   = ["false"]
    }
  }
}

resource "aws_iam_role_policy" "announce" {
  for_each = toset(["agent", "api_handler", "orchestrator", "run_closer", "run_starter"])

  name   = "announce"
  role   = aws_iam_role.function[each.key].id
  policy = data.aws_iam_policy_document.announce.json
}

# ---- AppSync

locals {
  # The permission of each data source: one action on one resource.
  data_source_access = {
    progress_reader = { action = "lambda:InvokeFunction", resource = aws_lambda_function.progress_reader.arn }
    run_starter     = { action = "lambda:InvokeFunction", resource = aws_lambda_function.run_starter.arn }
    user_sessions   = { action = "dynamodb:PutItem", resource = aws_dynamodb_table.user_sessions.arn }
  }
}

resource "aws_iam_role" "data_source" {
  for_each = local.data_source_access

  name                 = "${var.name_prefix}runcast-ds-${replace(each.key, "_", "-")}-${local.region}"
  description          = "The permissions of AppSync's data source ${each.key}."
  assume_role_policy   = data.aws_iam_policy_document.trust["data_source"].json
  permissions_boundary = var.permissions_boundary_arn

  tags = var.tags
}

data "aws_iam_policy_document" "data_source" {
  for_each = local.data_source_access

  source_policy_documents = startswith(each.value.action, "dynamodb:") ? [data.aws_iam_policy_document.key["table"].json] : []

  statement {
    actions   = [each.value.action]
    resources = [each.value.resource]
  }
}

resource "aws_iam_role_policy" "data_source" {
  for_each = local.data_source_access

  name   = "access"
  role   = aws_iam_role.data_source[each.key].id
  policy = data.aws_iam_policy_document.data_source[each.key].json
}

resource "aws_iam_role" "api_logs" {
  name                 = "${var.name_prefix}runcast-api-logs-${local.region}"
  description          = "AppSync's permissions for its logs."
  assume_role_policy   = data.aws_iam_policy_document.trust["api_logs"].json
  permissions_boundary = var.permissions_boundary_arn

  tags = var.tags
}

data "aws_iam_policy_document" "api_logs" {
  statement {
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.api.arn}:*"]
  }
}

resource "aws_iam_role_policy" "api_logs" {
  name   = "logs"
  role   = aws_iam_role.api_logs.id
  policy = data.aws_iam_policy_document.api_logs.json
}

# ---- Operators

# The fields that the command `runcast` calls with --operator. The functions behind them log the caller.
data "aws_iam_policy_document" "operator" {
  statement {
    sid     = "OperateRuns"
    actions = ["appsync:GraphQL"]
    resources = [
      for field in keys(local.field_functions) : "${aws_appsync_graphql_api.runcast.arn}/types/${replace(field, ".", "/fields/")}"
      if strcontains(field, ".operator")
    ]
  }
}

# ---- Step Functions

resource "aws_iam_role" "playbook" {
  name                 = "${local.state_machine_name}-${local.region}"
  description          = "The permissions of the state machine ${local.state_machine_name}."
  assume_role_policy   = data.aws_iam_policy_document.trust["playbook"].json
  permissions_boundary = var.permissions_boundary_arn

  tags = var.tags
}

data "aws_iam_policy_document" "playbook" {
  statement {
    sid       = "InvokeTheOrchestrator"
    actions   = ["lambda:InvokeFunction"]
    resources = [aws_lambda_function.orchestrator.arn]
  }

  # Log deliveries do not support resource-level permissions.
  # Source: https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
  statement {
    sid = "DeliverLogs"
    actions = [
      "logs:CreateLogDelivery",
      "logs:DeleteLogDelivery",
      "logs:DescribeLogGroups",
      "logs:DescribeResourcePolicies",
      "logs:GetLogDelivery",
      "logs:ListLogDeliveries",
      "logs:PutResourcePolicy",
      "logs:UpdateLogDelivery",
    ]
    resources = ["*"]
  }

  # X-Ray does not support resource-level permissions for these actions.
  statement {
    sid = "Traces"
    actions = [
      "xray:GetSamplingRules",
      "xray:GetSamplingTargets",
      "xray:PutTelemetryRecords",
      "xray:PutTraceSegments",
    ]
    resources = ["*"]
  }

  # Source: https://docs.aws.amazon.com/step-functions/latest/dg/encryption-at-rest.html
  dynamic "statement" {
    for_each = length(local.kms_key_arns) > 0 ? [local.kms_key_arns] : []

    content {
      sid       = "UseTheKey"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = statement.value

      condition {
        test     = "StringEquals"
        variable = "kms:EncryptionContext:aws:states:stateMachineArn"
        values   = [local.state_machine_arn]
      }
    }
  }

  # Log deliveries are encrypted for all log groups of the account: the encryption context ends in a literal asterisk.
  dynamic "statement" {
    for_each = length(local.kms_key_arns) > 0 ? [local.kms_key_arns] : []

    content {
      sid       = "EncryptDeliveredLogs"
      actions   = ["kms:GenerateDataKey"]
      resources = statement.value

      condition {
        test     = "StringEquals"
        variable = "kms:EncryptionContext:SourceArn"
        values   = ["arn:${local.partition}:logs:${local.region}:${local.account_id}:*"]
      }
    }
  }
}

resource "aws_iam_role_policy" "playbook" {
  name   = "access"
  role   = aws_iam_role.playbook.id
  policy = data.aws_iam_policy_document.playbook.json
}

# ---- API Gateway

resource "aws_iam_role" "gateway_logs" {
  count = var.enable_api_gateway_account ? 1 : 0

  name                 = "${var.name_prefix}runcast-gateway-logs-${local.region}"
  description          = "API Gateway's permissions for logs, for all REST APIs of the account in this region."
  assume_role_policy   = data.aws_iam_policy_document.trust["gateway_logs"].json
  permissions_boundary = var.permissions_boundary_arn

  tags = var.tags
}

# API Gateway refuses a role with fewer permissions than AWS's managed policy for this purpose.
# Source: https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonAPIGatewayPushToCloudWatchLogs.html
resource "aws_iam_role_policy_attachment" "gateway_logs" {
  count = var.enable_api_gateway_account ? 1 : 0

  role       = aws_iam_role.gateway_logs[0].id
  policy_arn = "arn:${local.partition}:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
}
