# Uses every resource type, data source and carried argument of the local provider. `full = false` takes away or changes
# every argument that can be.

terraform {
  required_version = ">= 1.9"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.37, < 7"
    }
  }
}

variable "full" {
  type    = bool
  default = true
}

variable "memory_size" {
  type    = number
  default = 256
}

variable "web_acl_arn" {
  type = string
}

variable "prefix" {
  type    = string
  default = "fixture"
}

variable "zip_file" {
  type = string
}

locals {
  key_arn = "arn:aws:kms:us-east-1:000000000000:key/fixture"
  code    = file("${path.module}/../graphql/echo.js")
  tags    = var.full ? { team = "maps", stage = "test" } : {}
  api_arn = aws_appsync_graphql_api.api.arn
}

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

# IAM

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = var.full ? ["lambda.amazonaws.com", "appsync.amazonaws.com"] : ["lambda.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "table" {
  statement {
    sid       = "Table"
    actions   = var.full ? ["dynamodb:PutItem", "dynamodb:GetItem"] : ["dynamodb:GetItem"]
    resources = [aws_dynamodb_table.sessions.arn]
  }

  # What a network, traces and logs demand of a role.
  statement {
    sid = "Settings"
    actions = [
      "ec2:AssignPrivateIpAddresses",
      "ec2:CreateNetworkInterface",
      "ec2:DeleteNetworkInterface",
      "ec2:DescribeNetworkInterfaces",
      "ec2:DescribeSubnets",
      "ec2:UnassignPrivateIpAddresses",
      "logs:CreateLogDelivery",
      "logs:DeleteLogDelivery",
      "logs:DescribeLogGroups",
      "logs:DescribeResourcePolicies",
      "logs:GetLogDelivery",
      "logs:ListLogDeliveries",
      "logs:PutResourcePolicy",
      "logs:UpdateLogDelivery",
      "xray:GetSamplingRules",
      "xray:GetSamplingTargets",
      "xray:PutTelemetryRecords",
      "xray:PutTraceSegments",
    ]
    resources = ["*"]
  }
}

resource "aws_iam_role" "worker" {
  name                 = "${var.prefix}-worker"
  description          = var.full ? "What the fixture runs as" : null
  path                 = "/fixture/"
  max_session_duration = var.full ? 7200 : null
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  permissions_boundary = var.full ? "arn:aws:iam::aws:policy/PowerUserAccess" : null
  tags                 = local.tags
}

resource "aws_iam_service_linked_role" "appsync" {
  aws_service_name = "${var.prefix}.amazonaws.com"
  tags             = local.tags
}

resource "aws_iam_role_policy" "worker" {
  name   = "table"
  role   = aws_iam_role.worker.id
  policy = data.aws_iam_policy_document.table.json
}

resource "aws_iam_role_policy_attachment" "worker" {
  role       = aws_iam_role.worker.name
  policy_arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
}

# DynamoDB

resource "aws_dynamodb_table" "sessions" {
  name         = "${var.prefix}-sessions"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "tenantId"
  range_key    = "userId"

  attribute {
    name = "tenantId"
    type = "S"
  }
  attribute {
    name = "userId"
    type = "S"
  }

  global_secondary_index {
    name            = "byUser"
    projection_type = "KEYS_ONLY"

    key_schema {
      attribute_name = "userId"
      key_type       = "HASH"
    }
  }
  global_secondary_index {
    name            = var.full ? "byTenant" : "inTenant"
    projection_type = "KEYS_ONLY"

    key_schema {
      attribute_name = "tenantId"
      key_type       = "HASH"
    }
  }

  deletion_protection_enabled = !var.full

  dynamic "ttl" {
    for_each = var.full ? [1] : []
    content {
      attribute_name = "expiresAt"
      enabled        = true
    }
  }
  dynamic "point_in_time_recovery" {
    for_each = var.full ? [1] : []
    content {
      enabled = true
    }
  }
  dynamic "server_side_encryption" {
    for_each = var.full ? [1] : []
    content {
      enabled     = true
      kms_key_arn = local.key_arn
    }
  }
  tags = local.tags
}

# CloudWatch

resource "aws_cloudwatch_metric_alarm" "errors" {
  alarm_name                = "${var.prefix}-errors"
  alarm_description         = var.full ? "It fails" : null
  actions_enabled           = var.full ? false : null
  alarm_actions             = var.full ? ["arn:aws:sns:us-east-1:000000000000:two", "arn:aws:sns:us-east-1:000000000000:one"] : null
  insufficient_data_actions = var.full ? ["arn:aws:sns:us-east-1:000000000000:one"] : null
  ok_actions                = var.full ? ["arn:aws:sns:us-east-1:000000000000:one"] : null
  comparison_operator       = "GreaterThanThreshold"
  datapoints_to_alarm       = var.full ? 1 : null
  dimensions                = var.full ? { FunctionName = "worker", Resource = "worker:live" } : null
  evaluation_periods        = 2
  metric_name               = "Errors"
  namespace                 = "AWS/Lambda"
  period                    = 60
  statistic                 = "Sum"
  threshold                 = var.full ? 1.5 : 2
  treat_missing_data        = var.full ? "notBreaching" : null
  unit                      = var.full ? "Count" : null
  tags                      = local.tags
}

resource "aws_cloudwatch_dashboard" "board" {
  dashboard_name = "${var.prefix}-board"
  dashboard_body = jsonencode({ widgets = [{ type = "text", properties = { markdown = var.full ? "full" : "bare" } }] })
}

# Lambda

resource "aws_cloudwatch_log_group" "worker" {
  name              = "/aws/lambda/${var.prefix}-worker"
  retention_in_days = var.full ? 14 : null
  kms_key_id        = local.key_arn
  tags              = local.tags
}

# Whether tenants are isolated is fixed when a function is created.
resource "aws_lambda_function" "isolated" {
  function_name    = "${var.prefix}-isolated"
  role             = aws_iam_role.worker.arn
  runtime          = "python3.12"
  handler          = "app.handler"
  filename         = var.zip_file
  source_code_hash = filebase64sha256(var.zip_file)

  tenancy_config {
    tenant_isolation_mode = "PER_TENANT"
  }
}

resource "aws_lambda_function" "worker" {
  function_name                  = "${var.prefix}-worker"
  description                    = var.full ? "Does nothing" : null
  role                           = aws_iam_role.worker.arn
  runtime                        = var.full ? "python3.11" : "python3.12"
  handler                        = var.full ? "app.handler" : "app.other"
  filename                       = var.zip_file
  source_code_hash               = filebase64sha256(var.zip_file)
  memory_size                    = var.memory_size
  timeout                        = var.full ? 30 : null
  reserved_concurrent_executions = var.full ? 5 : null
  architectures                  = var.full ? ["arm64"] : null
  kms_key_arn                    = var.full ? local.key_arn : null
  depends_on                     = [aws_iam_role_policy.worker]

  dynamic "vpc_config" {
    for_each = var.full ? [1] : []
    content {
      subnet_ids         = ["subnet-1", "subnet-2"]
      security_group_ids = ["sg-1"]
    }
  }
  dynamic "environment" {
    for_each = var.full ? [1] : []
    content {
      variables = { TABLE = aws_dynamodb_table.sessions.name }
    }
  }
  dynamic "tracing_config" {
    for_each = var.full ? [1] : []
    content {
      mode = "Active"
    }
  }
  dynamic "ephemeral_storage" {
    for_each = var.full ? [1] : []
    content {
      size = 1024
    }
  }
  dynamic "logging_config" {
    for_each = var.full ? [1] : []
    content {
      log_format            = "JSON"
      application_log_level = "WARN"
      system_log_level      = "INFO"
      log_group             = aws_cloudwatch_log_group.worker.name
    }
  }
  tags = local.tags
}

resource "aws_lambda_function_event_invoke_config" "worker" {
  function_name                = aws_lambda_function.worker.function_name
  maximum_retry_attempts       = var.full ? 0 : null
  maximum_event_age_in_seconds = var.full ? 120 : null

  dynamic "destination_config" {
    for_each = var.full ? [1] : []
    content {
      on_failure {
        destination = aws_lambda_function.worker.arn
      }
    }
  }
}

resource "aws_lambda_function_recursion_config" "worker" {
  function_name  = aws_lambda_function.worker.function_name
  recursive_loop = var.full ? "Allow" : "Terminate"
}

resource "aws_lambda_permission" "gateway" {
  statement_id   = "gateway"
  action         = "lambda:InvokeFunction"
  function_name  = aws_lambda_function.worker.arn
  principal      = "apigateway.amazonaws.com"
  source_arn     = "${aws_api_gateway_rest_api.rest.execution_arn}/*"
  source_account = data.aws_caller_identity.current.account_id
}

# API Gateway

locals {
  origin = var.full ? "https://a.example" : "https://b.example"
  swagger = jsonencode({
    swagger = "2.0"
    info    = { title = "title", version = "1.0" }
    x-amazon-apigateway-gateway-responses = {
      DEFAULT_4XX = { responseParameters = { "gatewayresponse.header.Access-Control-Allow-Origin" = "'${local.origin}'" } }
    }
    paths = {
      "/work" = {
        get = {
          responses = {}
          x-amazon-apigateway-integration = {
            type       = "aws_proxy"
            httpMethod = "POST"
            uri        = aws_lambda_function.worker.invoke_arn
          }
        }
      }
    }
  })
}

resource "aws_api_gateway_rest_api" "rest" {
  name        = var.full ? var.prefix : "${var.prefix}-renamed"
  description = var.full ? "Work" : null
  body        = local.swagger
  tags        = local.tags

  endpoint_configuration {
    types = ["EDGE"]
  }
}

resource "aws_api_gateway_deployment" "rest" {
  rest_api_id = aws_api_gateway_rest_api.rest.id
  description = var.full ? "The first" : null
  triggers    = { body = "the same" }
}

resource "aws_api_gateway_stage" "rest" {
  rest_api_id          = aws_api_gateway_rest_api.rest.id
  stage_name           = "api"
  deployment_id        = aws_api_gateway_deployment.rest.id
  xray_tracing_enabled = var.full
  tags                 = local.tags

  dynamic "access_log_settings" {
    for_each = var.full ? [1] : []
    content {
      destination_arn = aws_cloudwatch_log_group.worker.arn
      format          = "$context.requestId"
    }
  }
}

resource "aws_api_gateway_method_settings" "rest" {
  rest_api_id = aws_api_gateway_rest_api.rest.id
  stage_name  = aws_api_gateway_stage.rest.stage_name
  method_path = "*/*"

  settings {
    throttling_rate_limit  = var.full ? 10.5 : 5
    throttling_burst_limit = var.full ? 20 : 10
  }
}

resource "aws_wafv2_web_acl_association" "rest" {
  count = var.full ? 1 : 0

  resource_arn = aws_api_gateway_stage.rest.arn
  web_acl_arn  = var.web_acl_arn
}

# One for the whole account, which a second root would take away.
resource "aws_api_gateway_account" "account" {
  count = var.full && var.prefix == "fixture" ? 1 : 0

  cloudwatch_role_arn = aws_iam_role.worker.arn
}

# Cognito

resource "aws_cognito_user_pool" "users" {
  name                     = var.full ? "${var.prefix}-users" : "${var.prefix}-people"
  deletion_protection      = "INACTIVE"
  mfa_configuration        = var.full ? "OPTIONAL" : null
  user_pool_tier           = "ESSENTIALS"
  username_attributes      = ["email"]
  auto_verified_attributes = var.full ? ["email"] : null

  dynamic "software_token_mfa_configuration" {
    for_each = var.full ? [1] : []
    content {
      enabled = true
    }
  }
  username_configuration {
    case_sensitive = false
  }
  admin_create_user_config {
    allow_admin_create_user_only = var.full
  }
  password_policy {
    minimum_length                   = var.full ? 12 : 14
    password_history_size            = var.full ? 3 : 4
    require_lowercase                = true
    require_numbers                  = true
    require_symbols                  = !var.full
    require_uppercase                = true
    temporary_password_validity_days = var.full ? 3 : 5
  }
  account_recovery_setting {
    recovery_mechanism {
      name     = var.full ? "verified_email" : "admin_only"
      priority = 1
    }
  }
  schema {
    name                = "tenantId"
    attribute_data_type = "String"
    mutable             = true
    string_attribute_constraints {
      min_length = "1"
      max_length = "64"
    }
  }
  schema {
    name                = "email"
    attribute_data_type = "String"
    required            = true
    mutable             = true
  }
  tags = local.tags
}

resource "aws_cognito_user_pool_client" "web" {
  name                          = var.full ? "${var.prefix}-web" : "${var.prefix}-app"
  user_pool_id                  = aws_cognito_user_pool.users.id
  generate_secret               = false
  auth_session_validity         = var.full ? 5 : 10
  supported_identity_providers  = ["COGNITO"]
  explicit_auth_flows           = var.full ? ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH"] : ["ALLOW_REFRESH_TOKEN_AUTH"]
  read_attributes               = var.full ? ["email", "custom:tenantId"] : ["email"]
  write_attributes              = var.full ? ["email"] : ["email", "name"]
  prevent_user_existence_errors = var.full ? "ENABLED" : "LEGACY"
  enable_token_revocation       = var.full
  access_token_validity         = var.full ? 60 : 2
  id_token_validity             = var.full ? 60 : 2
  refresh_token_validity        = var.full ? 7 : 8

  token_validity_units {
    access_token = var.full ? "minutes" : "hours"
    id_token     = var.full ? "minutes" : "hours"
  }
}

# AppSync

resource "aws_appsync_graphql_api" "api" {
  name                 = var.full ? var.prefix : "${var.prefix}-renamed"
  authentication_type  = "AMAZON_COGNITO_USER_POOLS"
  schema               = file("${path.module}/../graphql/schema.graphql")
  xray_enabled         = var.full
  query_depth_limit    = var.full ? 5 : null
  resolver_count_limit = var.full ? 200 : null
  introspection_config = var.full ? "DISABLED" : null

  user_pool_config {
    user_pool_id        = aws_cognito_user_pool.users.id
    app_id_client_regex = var.full ? aws_cognito_user_pool_client.web.id : null
    default_action      = var.full ? "ALLOW" : "DENY"
  }
  additional_authentication_provider {
    authentication_type = "AWS_IAM"
  }
  dynamic "additional_authentication_provider" {
    for_each = var.full ? [1] : []
    content {
      authentication_type = "API_KEY"
    }
  }
  dynamic "additional_authentication_provider" {
    for_each = var.full ? [1] : []
    content {
      authentication_type = "OPENID_CONNECT"
      openid_connect_config {
        issuer    = "https://sign-in.example.com"
        client_id = "^runcast$"
        auth_ttl  = 3600000
        iat_ttl   = 7200000
      }
    }
  }
  dynamic "log_config" {
    for_each = var.full ? [1] : []
    content {
      cloudwatch_logs_role_arn = aws_iam_role.worker.arn
      field_log_level          = "ERROR"
      exclude_verbose_content  = true
    }
  }
  tags = local.tags
}

resource "aws_appsync_api_key" "key" {
  api_id      = aws_appsync_graphql_api.api.id
  description = var.full ? "For visitors" : null
  expires     = var.full ? "2099-01-02T03:00:00Z" : "2098-01-02T03:00:00Z"
}

resource "aws_appsync_datasource" "worker" {
  api_id           = aws_appsync_graphql_api.api.id
  name             = "worker"
  description      = var.full ? "The worker" : null
  type             = "AWS_LAMBDA"
  service_role_arn = aws_iam_role.worker.arn

  lambda_config {
    function_arn = aws_lambda_function.worker.arn
  }
}

resource "aws_appsync_datasource" "sessions" {
  api_id           = aws_appsync_graphql_api.api.id
  name             = "sessions"
  type             = "AMAZON_DYNAMODB"
  service_role_arn = aws_iam_role.worker.arn

  dynamodb_config {
    table_name = aws_dynamodb_table.sessions.name
  }
}

resource "aws_appsync_datasource" "none" {
  api_id = aws_appsync_graphql_api.api.id
  name   = "none"
  type   = "NONE"
}

resource "aws_appsync_resolver" "fields" {
  for_each    = { greeting = aws_appsync_datasource.worker.name, session = aws_appsync_datasource.sessions.name, echo = aws_appsync_datasource.none.name }
  api_id      = aws_appsync_graphql_api.api.id
  type        = "Query"
  field       = each.key
  kind        = "UNIT"
  data_source = each.value
  code        = var.full ? local.code : replace(local.code, "ctx.args", "ctx.source")

  runtime {
    name            = "APPSYNC_JS"
    runtime_version = "1.0.0"
  }
}

# EventBridge

resource "aws_cloudwatch_event_rule" "nightly" {
  name                = "${var.prefix}-nightly"
  description         = var.full ? "Calls the worker" : null
  schedule_expression = var.full ? "rate(5 minutes)" : "rate(1 hour)"
  event_pattern       = var.full ? jsonencode({ source = ["fixture"] }) : null
  state               = var.full ? "ENABLED" : "DISABLED"
  tags                = local.tags
}

resource "aws_cloudwatch_event_target" "worker" {
  rule      = aws_cloudwatch_event_rule.nightly.name
  target_id = "worker"
  arn       = aws_lambda_function.worker.arn
  input     = var.full ? jsonencode({ nightly = true }) : null
}

output "graphql_url" {
  value = aws_appsync_graphql_api.api.uris["GRAPHQL"]
}

output "rest_url" {
  value = aws_api_gateway_stage.rest.invoke_url
}

output "function_arn" {
  value = aws_lambda_function.worker.arn
}

output "region" {
  value = "${data.aws_partition.current.partition} ${data.aws_region.current.region} (${data.aws_region.current.description}) ${data.aws_caller_identity.current.account_id}"
}

output "api_key" {
  value     = aws_appsync_api_key.key.key
  sensitive = true
}

# S3

resource "aws_s3_bucket" "box" {
  bucket        = "${var.prefix}-box"
  force_destroy = var.full
  tags          = local.tags
}

resource "aws_s3_bucket_public_access_block" "box" {
  bucket                  = aws_s3_bucket.box.id
  block_public_acls       = true
  block_public_policy     = var.full ? true : null
  ignore_public_acls      = var.full
  restrict_public_buckets = var.full
}

resource "aws_s3_bucket_ownership_controls" "box" {
  bucket = aws_s3_bucket.box.id
  rule {
    object_ownership = var.full ? "BucketOwnerEnforced" : "BucketOwnerPreferred"
  }
}

resource "aws_s3_bucket_cors_configuration" "box" {
  bucket = aws_s3_bucket.box.id
  cors_rule {
    id              = var.full ? "pages" : null
    allowed_headers = var.full ? ["range"] : null
    allowed_methods = var.full ? ["GET", "HEAD"] : ["GET"]
    allowed_origins = var.full ? ["https://app.example.com", "https://b.example.com"] : ["*"]
    expose_headers  = var.full ? ["ETag"] : null
    max_age_seconds = var.full ? 60 : null
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "box" {
  bucket = aws_s3_bucket.box.id
  rule {
    bucket_key_enabled = var.full
    apply_server_side_encryption_by_default {
      sse_algorithm     = var.full ? "aws:kms" : "AES256"
      kms_master_key_id = var.full ? local.key_arn : null
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "box" {
  bucket = aws_s3_bucket.box.id
  rule {
    id     = "forget"
    status = var.full ? "Enabled" : "Disabled"
    filter {
      prefix = var.full ? "results/" : "others/"
    }
    expiration {
      days = var.full ? 1 : 2
    }
    dynamic "abort_incomplete_multipart_upload" {
      for_each = var.full ? [1] : []
      content {
        days_after_initiation = 1
      }
    }
  }
}

resource "aws_s3_bucket_policy" "box" {
  bucket = aws_s3_bucket.box.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Deny"
      Principal = "*"
      Action    = var.full ? "s3:*" : "s3:PutObject"
      Resource  = "${aws_s3_bucket.box.arn}/*"
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}

# Step Functions

resource "aws_sfn_state_machine" "machine" {
  name       = "${var.prefix}-machine"
  type       = "STANDARD"
  role_arn   = aws_iam_role.worker.arn
  depends_on = [aws_iam_role_policy.worker]
  definition = jsonencode({
    StartAt = "Done"
    States  = { Done = { Type = "Succeed", Comment = var.full ? "full" : "bare" } }
  })
  tags = local.tags

  dynamic "logging_configuration" {
    for_each = var.full ? [1] : []
    content {
      level                  = "ERROR"
      include_execution_data = true
      log_destination        = "${aws_cloudwatch_log_group.worker.arn}:*"
    }
  }
  tracing_configuration {
    enabled = true
  }
  dynamic "encryption_configuration" {
    for_each = var.full ? [1] : []
    content {
      type                              = "CUSTOMER_MANAGED_KMS_KEY"
      kms_key_id                        = local.key_arn
      kms_data_key_reuse_period_seconds = 600
    }
  }
}
