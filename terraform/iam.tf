# One role for each Lambda and each data source, with only what it uses. Role names are global within an account, all
# others are regional: the region in them lets one prefix be used in two regions.

data "aws_iam_policy_document" "lambda_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "appsync_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["appsync.amazonaws.com"]
    }
  }
}

# ---- The Lambdas

resource "aws_iam_role" "function" {
  for_each = local.function_names

  name               = "${each.value}-${local.region}"
  description        = "What the function ${each.value} may do."
  assume_role_policy = data.aws_iam_policy_document.lambda_trust.json

  tags = var.tags
}

data "aws_iam_policy_document" "function_telemetry" {
  for_each = local.function_names

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
}

resource "aws_iam_role_policy" "function_telemetry" {
  for_each = local.function_names

  name   = "telemetry"
  role   = aws_iam_role.function[each.key].id
  policy = data.aws_iam_policy_document.function_telemetry[each.key].json
}

locals {
  # A call through an inference profile needs the profile and the model behind it in every region it may be sent to.
  bedrock_profile_prefix = try(regex("^(?:apac|au|ca|eu|global|jp|us|us-gov)\\.", var.bedrock_model_id), "")
  bedrock_model_arns = concat(
    ["arn:${local.partition}:bedrock:*::foundation-model/${trimprefix(var.bedrock_model_id, local.bedrock_profile_prefix)}"],
    local.bedrock_profile_prefix == "" ? [] : [
      "arn:${local.partition}:bedrock:${local.region}:${local.account_id}:inference-profile/${var.bedrock_model_id}",
    ],
  )
}

data "aws_iam_policy_document" "agent" {
  statement {
    sid       = "RecordRuns"
    actions   = ["dynamodb:PutItem", "dynamodb:UpdateItem"]
    resources = [aws_dynamodb_table.agent_progress.arn]
  }

  statement {
    sid       = "PublishStatus"
    actions   = ["lambda:InvokeFunction"]
    resources = [aws_lambda_function.status_publisher.arn]
  }

  statement {
    sid       = "AskTheModel"
    actions   = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
    resources = local.bedrock_model_arns
  }
}

data "aws_iam_policy_document" "progress_reader" {
  statement {
    sid       = "ReadRuns"
    actions   = ["dynamodb:BatchGetItem", "dynamodb:GetItem"]
    resources = [aws_dynamodb_table.agent_progress.arn]
  }
}

data "aws_iam_policy_document" "run_starter" {
  statement {
    sid       = "CreateRuns"
    actions   = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
    resources = [aws_dynamodb_table.agent_progress.arn]
  }

  statement {
    sid       = "InvokeAgents"
    actions   = ["lambda:InvokeFunction"]
    resources = [aws_lambda_function.agent.arn]
  }
}

data "aws_iam_policy_document" "api_handler" {
  statement {
    sid       = "CreateAndReadRuns"
    actions   = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
    resources = [aws_dynamodb_table.agent_progress.arn]
  }

  statement {
    sid       = "InvokeAgents"
    actions   = ["lambda:InvokeFunction"]
    resources = [aws_lambda_function.agent.arn]
  }
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
    progress_reader  = data.aws_iam_policy_document.progress_reader.json
    run_starter      = data.aws_iam_policy_document.run_starter.json
    status_publisher = data.aws_iam_policy_document.status_publisher.json
  }

  name   = "access"
  role   = aws_iam_role.function[each.key].id
  policy = each.value
}

# ---- AppSync

locals {
  # What each data source may do: one action on one resource.
  data_source_access = {
    progress_reader = { action = "lambda:InvokeFunction", resource = aws_lambda_function.progress_reader.arn }
    run_starter     = { action = "lambda:InvokeFunction", resource = aws_lambda_function.run_starter.arn }
    user_sessions   = { action = "dynamodb:PutItem", resource = aws_dynamodb_table.user_sessions.arn }
  }
}

resource "aws_iam_role" "data_source" {
  for_each = local.data_source_access

  name               = "${var.name_prefix}runcast-ds-${replace(each.key, "_", "-")}-${local.region}"
  description        = "What AppSync's data source ${each.key} may do."
  assume_role_policy = data.aws_iam_policy_document.appsync_trust.json

  tags = var.tags
}

data "aws_iam_policy_document" "data_source" {
  for_each = local.data_source_access

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
  name               = "${var.name_prefix}runcast-api-logs-${local.region}"
  description        = "What AppSync may do to log."
  assume_role_policy = data.aws_iam_policy_document.appsync_trust.json

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
