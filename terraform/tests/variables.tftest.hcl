# Run with `terraform test`, without an account: every provider is a mock. In a clone, `make package` comes first.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = {
      account_id = "000000000000"
    }
  }

  mock_data "aws_iam_policy_document" {
    defaults = {
      json = "{}"
    }
  }

  mock_data "aws_partition" {
    defaults = {
      partition = "aws"
    }
  }

  mock_data "aws_region" {
    defaults = {
      region = "us-east-1"
    }
  }
}

run "defaults" {
  command = plan

  assert {
    condition     = aws_dynamodb_table.agent_progress.name == "AgentProgress"
    error_message = "name_prefix has no effect."
  }

  assert {
    condition     = aws_cloudwatch_log_group.function["agent"].retention_in_days == 30
    error_message = "log_retention_days has no effect."
  }

  assert {
    condition     = aws_cloudwatch_log_group.api.retention_in_days == 30
    error_message = "log_retention_days has no effect."
  }

  assert {
    condition     = length(aws_cloudwatch_log_group.rest_api) == 0
    error_message = "log_retention_days has no effect."
  }

  assert {
    condition     = aws_cloudwatch_log_group.playbook.retention_in_days == 30
    error_message = "log_retention_days has no effect."
  }

  assert {
    condition     = one(aws_appsync_graphql_api.runcast.log_config[*].field_log_level) == "ERROR"
    error_message = "log_level has no effect."
  }

  assert {
    condition     = !one(aws_dynamodb_table.agent_progress.server_side_encryption[*].enabled)
    error_message = "kms_key_arn has no effect."
  }

  assert {
    condition     = !one(aws_dynamodb_table.user_sessions.server_side_encryption[*].enabled)
    error_message = "kms_key_arn has no effect."
  }

  assert {
    condition     = one(aws_sfn_state_machine.playbook.encryption_configuration[*].type) == "AWS_OWNED_KEY"
    error_message = "kms_key_arn has no effect."
  }

  assert {
    condition     = length(data.aws_iam_policy_document.key["table"].statement) == 0
    error_message = "previous_kms_key_arn has no effect."
  }

  assert {
    condition     = length(aws_iam_service_linked_role.appsync) == 0
    error_message = "create_appsync_service_linked_role has no effect."
  }

  assert {
    condition     = length(aws_lambda_function.agent.vpc_config) == 0
    error_message = "vpc_config has no effect."
  }

  assert {
    condition     = length(aws_lambda_function.api_handler.vpc_config) == 0
    error_message = "vpc_config has no effect."
  }

  assert {
    condition     = toset(aws_lambda_function.agent.architectures) == toset(["arm64"])
    error_message = "lambda_architecture has no effect."
  }

  assert {
    condition     = toset(aws_lambda_function.api_handler.architectures) == toset(["arm64"])
    error_message = "lambda_architecture has no effect."
  }

  assert {
    condition     = aws_lambda_function.agent.runtime == "python3.13"
    error_message = "lambda_runtime has no effect."
  }

  assert {
    condition     = aws_lambda_function.api_handler.runtime == "python3.13"
    error_message = "lambda_runtime has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.agent.environment[*].variables.RETENTION_HOURS) == "24"
    error_message = "retention_hours has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.agent.environment[*].variables.HANDOVER_SECONDS) == "120"
    error_message = "handover_seconds has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.agent.environment[*].variables.MAX_RUN_HOURS) == "8"
    error_message = "max_run_hours has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.api_handler.environment[*].variables.RETENTION_HOURS) == "24"
    error_message = "retention_hours has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.run_starter.environment[*].variables.RETENTION_HOURS) == "24"
    error_message = "retention_hours has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.orchestrator.environment[*].variables.RETENTION_HOURS) == "24"
    error_message = "retention_hours has no effect."
  }

  assert {
    condition     = one([for each in aws_s3_bucket_lifecycle_configuration.results.rule : one(each.expiration[*].days) if each.id == "results"]) == 8
    error_message = "retention_hours or question_retention_hours has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.agent.environment[*].variables.QUESTION_RETENTION_HOURS) == "168"
    error_message = "question_retention_hours has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.api_handler.environment[*].variables.QUESTION_RETENTION_HOURS) == "168"
    error_message = "question_retention_hours has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.api_handler.environment[*].variables.CONVERSATION_RETENTION_DAYS) == "30"
    error_message = "conversation_retention_days has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.run_starter.environment[*].variables.CONVERSATION_RETENTION_DAYS) == "30"
    error_message = "conversation_retention_days has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.run_starter.environment[*].variables.QUESTION_RETENTION_HOURS) == "168"
    error_message = "question_retention_hours has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.orchestrator.environment[*].variables.QUESTION_RETENTION_HOURS) == "168"
    error_message = "question_retention_hours has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.orchestrator.environment[*].variables.JOB_TIMEOUT_MINUTES) == "60"
    error_message = "job_timeout_minutes has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.run_closer.environment[*].variables.QUESTION_RETENTION_HOURS) == "168"
    error_message = "question_retention_hours has no effect."
  }

  assert {
    condition     = !aws_dynamodb_table.agent_progress.deletion_protection_enabled
    error_message = "deletion_protection has no effect."
  }

  assert {
    condition     = !aws_dynamodb_table.user_sessions.deletion_protection_enabled
    error_message = "deletion_protection has no effect."
  }

  assert {
    condition     = aws_cognito_user_pool.users[0].deletion_protection == "INACTIVE"
    error_message = "deletion_protection has no effect."
  }

  assert {
    condition     = one(aws_dynamodb_table.agent_progress.point_in_time_recovery[*].enabled)
    error_message = "point_in_time_recovery has no effect."
  }

  assert {
    condition     = one(aws_dynamodb_table.user_sessions.point_in_time_recovery[*].enabled)
    error_message = "point_in_time_recovery has no effect."
  }

  assert {
    condition     = length(aws_cloudwatch_dashboard.runcast) == 0
    error_message = "enable_dashboard has no effect."
  }

  assert {
    condition     = length(aws_appsync_graphql_api.runcast.additional_authentication_provider) == 1
    error_message = "enable_api_key has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.run_starter.environment[*].variables.API_KEY_MAY_START) == "false"
    error_message = "api_key_may_start has no effect."
  }

  assert {
    condition     = length(aws_appsync_api_key.public) == 0
    error_message = "enable_api_key has no effect."
  }

  assert {
    condition     = length(aws_api_gateway_account.logs) == 0
    error_message = "enable_api_gateway_account has no effect."
  }

  assert {
    condition     = length(aws_api_gateway_stage.rest_api.access_log_settings) == 0
    error_message = "enable_api_gateway_account has no effect."
  }

  assert {
    condition     = toset(one(aws_s3_bucket_cors_configuration.results[0].cors_rule[*].allowed_origins)) == toset(["*"])
    error_message = "cors_origins has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.api_handler.environment[*].variables.CORS_ORIGINS) == "*"
    error_message = "cors_origins has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.agent.environment[*].variables.BEDROCK_MODEL_ID) == "global.anthropic.claude-sonnet-4-6"
    error_message = "bedrock_model_id has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.orchestrator.environment[*].variables.BEDROCK_MODEL_ID) == "global.anthropic.claude-sonnet-4-6"
    error_message = "bedrock_model_id has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.agent.environment[*].variables.MODEL_MAX_TOKENS) == "4096"
    error_message = "model_max_tokens has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.orchestrator.environment[*].variables.MODEL_MAX_TOKENS) == "4096"
    error_message = "model_max_tokens has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.agent.environment[*].variables.MODEL_PRICES) == "{}"
    error_message = "model_prices has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.run_starter.environment[*].variables.AGENT_FUNCTIONS) == "{}"
    error_message = "agent_functions has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.api_handler.environment[*].variables.AGENT_FUNCTIONS) == "{}"
    error_message = "agent_functions has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.orchestrator.environment[*].variables.AGENT_FUNCTIONS) == "{}"
    error_message = "agent_functions has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.run_closer.environment[*].variables.AGENT_FUNCTIONS) == "{}"
    error_message = "agent_functions has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.progress_reader.environment[*].variables.AGENT_FUNCTIONS) == "{}"
    error_message = "agent_functions has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.status_publisher.environment[*].variables.MUTATIONS_PER_REQUEST) == "50"
    error_message = "publish_batch_size has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.run_starter.environment[*].variables.USER_ID_CLAIM) == "sub"
    error_message = "user_id_claim has no effect."
  }

  assert {
    condition     = !strcontains(aws_appsync_resolver.field["Subscription.onStatusUpdate"].code, "= 'cognito:username';")
    error_message = "user_id_claim has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.run_starter.environment[*].variables.TENANT_ID_CLAIM) == "custom:tenantId"
    error_message = "tenant_id_claim has no effect."
  }

  assert {
    condition     = !strcontains(aws_appsync_resolver.field["Subscription.onStatusUpdate"].code, "= 'custom:organisation';")
    error_message = "tenant_id_claim has no effect."
  }

  assert {
    condition     = one(aws_cognito_user_pool.users[0].schema[*].name) == "tenantId"
    error_message = "tenant_id_claim has no effect."
  }

  assert {
    condition     = !strcontains(aws_appsync_graphql_api.runcast.schema, "@aws_oidc")
    error_message = "oidc_issuer has no effect."
  }

  assert {
    condition     = strcontains(aws_appsync_resolver.field["Subscription.onStatusUpdate"].code, "const OIDC = null;")
    error_message = "oidc_issuer has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.api_handler.environment[*].variables.OIDC) == ""
    error_message = "oidc_audience has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.progress_reader.environment[*].variables.OIDC) == ""
    error_message = "oidc_tenant_id_claim has no effect."
  }

  assert {
    condition     = aws_cognito_user_pool.users[0].mfa_configuration == "OFF"
    error_message = "user_pool_mfa has no effect."
  }

  assert {
    condition     = length(aws_cognito_user_pool.users[0].software_token_mfa_configuration) == 0
    error_message = "user_pool_mfa has no effect."
  }

  assert {
    condition     = length(aws_api_gateway_method_settings.throttling) == 0
    error_message = "rest_throttling has no effect."
  }

  assert {
    condition     = jsondecode(one(aws_lambda_function.run_starter.environment[*].variables.LIMITS)).user_open_runs == 20
    error_message = "limits has no effect."
  }

  assert {
    condition     = aws_lambda_function.agent.reserved_concurrent_executions == -1
    error_message = "agent_reserved_concurrency has no effect."
  }

  assert {
    condition     = length(aws_lambda_function.agent.tenancy_config) == 0
    error_message = "tenant_isolation has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.run_starter.environment[*].variables.TENANT_ISOLATION) == "false"
    error_message = "tenant_isolation has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.api_handler.environment[*].variables.TENANT_ISOLATION) == "false"
    error_message = "tenant_isolation has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.orchestrator.environment[*].variables.TENANT_ISOLATION) == "false"
    error_message = "tenant_isolation has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.run_closer.environment[*].variables.TENANT_ISOLATION) == "false"
    error_message = "tenant_isolation has no effect."
  }

  assert {
    condition     = length(aws_wafv2_web_acl_association.api) == 0
    error_message = "web_acl_arn has no effect."
  }

  assert {
    condition     = aws_cognito_user_pool.users[0].name == "runcast"
    error_message = "cognito_user_pool_id has no effect."
  }

  assert {
    condition     = one(aws_appsync_graphql_api.runcast.user_pool_config[*].aws_region) == "us-east-1"
    error_message = "cognito_user_pool_id has no effect."
  }

  assert {
    condition     = aws_cognito_user_pool_client.frontend[0].name == "runcast-frontend"
    error_message = "cognito_user_pool_client_id has no effect."
  }

  assert {
    condition     = aws_iam_role.api_logs.permissions_boundary == null
    error_message = "permissions_boundary_arn has no effect."
  }

  assert {
    condition     = length(aws_dynamodb_table.agent_progress.tags) == 0
    error_message = "tags has no effect."
  }
}

run "every_variable" {
  command = plan

  variables {
    name_prefix            = "other-"
    log_retention_days     = 7
    log_level              = "NONE"
    alarm_actions          = ["arn:aws:sns:us-east-1:000000000000:on-call"]
    enable_dashboard       = true
    deletion_protection    = true
    point_in_time_recovery = false
    enable_api_key         = true
    api_key_may_start      = true
    cors_origins           = ["https://app.example.com"]
    bedrock_model_id       = "amazon.nova-lite-v1:0"
    agent_functions = {
      mine = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
    }
    model_max_tokens = 1000
    model_prices = {
      "amazon.nova-lite-v1:0" = { input = 0.06, output = 0.24, cache_read = 0.015 }
    }
    publish_batch_size = 1
    user_id_claim      = "cognito:username"
    tenant_id_claim    = "custom:organisation"

    oidc_issuer          = "https://login.example.com/realms/main"
    oidc_audience        = "api://runcast.example"
    oidc_tenant_id_claim = "https://example.com/tenant"

    tags = {
      owner = "tests"
    }
    permissions_boundary_arn = "arn:aws:iam::aws:policy/PowerUserAccess"
    kms_key_arn              = "arn:aws:kms:us-east-1:000000000000:key/tests"
    previous_kms_key_arn     = "arn:aws:kms:us-east-1:000000000000:key/before"
    vpc_config = {
      subnet_ids         = ["subnet-0a1b2c3d", "subnet-0a1b2c3e"]
      security_group_ids = ["sg-0a1b2c3d"]
    }
    retention_hours             = 2
    question_retention_hours    = 24
    conversation_retention_days = 7
    handover_seconds            = 60
    job_timeout_minutes         = 30
    enable_api_gateway_account  = true
    user_pool_mfa               = "OPTIONAL"
    rest_throttling = {
      rate  = 200
      burst = 400
    }
    limits = {
      user_open_runs = 5
    }
    agent_reserved_concurrency         = 50
    tenant_isolation                   = true
    web_acl_arn                        = "arn:aws:wafv2:us-east-1:000000000000:regional/webacl/firewall/0a1b2c3d"
    create_appsync_service_linked_role = true
  }

  assert {
    condition     = aws_dynamodb_table.agent_progress.name == "other-AgentProgress"
    error_message = "name_prefix has no effect."
  }

  assert {
    condition     = aws_cloudwatch_log_group.function["agent"].retention_in_days == 7
    error_message = "log_retention_days has no effect."
  }

  assert {
    condition     = aws_cloudwatch_log_group.api.retention_in_days == 7
    error_message = "log_retention_days has no effect."
  }

  assert {
    condition     = aws_cloudwatch_log_group.rest_api[0].retention_in_days == 7
    error_message = "log_retention_days has no effect."
  }

  assert {
    condition     = aws_cloudwatch_log_group.playbook.retention_in_days == 7
    error_message = "log_retention_days has no effect."
  }

  assert {
    condition     = one(aws_appsync_graphql_api.runcast.log_config[*].field_log_level) == "NONE"
    error_message = "log_level has no effect."
  }

  assert {
    condition     = one(aws_dynamodb_table.agent_progress.server_side_encryption[*].kms_key_arn) == "arn:aws:kms:us-east-1:000000000000:key/tests"
    error_message = "kms_key_arn has no effect."
  }

  assert {
    condition     = one(aws_dynamodb_table.user_sessions.server_side_encryption[*].kms_key_arn) == "arn:aws:kms:us-east-1:000000000000:key/tests"
    error_message = "kms_key_arn has no effect."
  }

  assert {
    condition     = one([for each in aws_s3_bucket_server_side_encryption_configuration.results.rule : one(each.apply_server_side_encryption_by_default[*].kms_master_key_id)]) == "arn:aws:kms:us-east-1:000000000000:key/tests"
    error_message = "kms_key_arn has no effect."
  }

  assert {
    condition     = one(aws_dynamodb_table.agent_progress.server_side_encryption[*].enabled)
    error_message = "kms_key_arn has no effect."
  }

  assert {
    condition     = one(aws_dynamodb_table.user_sessions.server_side_encryption[*].enabled)
    error_message = "kms_key_arn has no effect."
  }

  assert {
    condition     = one(aws_sfn_state_machine.playbook.encryption_configuration[*].kms_key_id) == "arn:aws:kms:us-east-1:000000000000:key/tests"
    error_message = "kms_key_arn has no effect."
  }

  assert {
    condition     = one(aws_sfn_state_machine.playbook.encryption_configuration[*].type) == "CUSTOMER_MANAGED_KMS_KEY"
    error_message = "kms_key_arn has no effect."
  }

  assert {
    condition     = contains(flatten(data.aws_iam_policy_document.key["table"].statement[*].resources), "arn:aws:kms:us-east-1:000000000000:key/before")
    error_message = "previous_kms_key_arn has no effect."
  }

  assert {
    condition     = aws_iam_service_linked_role.appsync[0].aws_service_name == "appsync.amazonaws.com"
    error_message = "create_appsync_service_linked_role has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.agent.vpc_config[*].subnet_ids) == toset(["subnet-0a1b2c3d", "subnet-0a1b2c3e"])
    error_message = "vpc_config has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.agent.vpc_config[*].security_group_ids) == toset(["sg-0a1b2c3d"])
    error_message = "vpc_config has no effect."
  }

  assert {
    condition     = length(aws_lambda_function.api_handler.vpc_config) == 0
    error_message = "vpc_config has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.agent.environment[*].variables.RETENTION_HOURS) == "2"
    error_message = "retention_hours has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.agent.environment[*].variables.HANDOVER_SECONDS) == "60"
    error_message = "handover_seconds has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.agent.environment[*].variables.MAX_RUN_HOURS) == "1"
    error_message = "max_run_hours has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.api_handler.environment[*].variables.RETENTION_HOURS) == "2"
    error_message = "retention_hours has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.run_starter.environment[*].variables.RETENTION_HOURS) == "2"
    error_message = "retention_hours has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.orchestrator.environment[*].variables.RETENTION_HOURS) == "2"
    error_message = "retention_hours has no effect."
  }

  assert {
    condition     = one([for each in aws_s3_bucket_lifecycle_configuration.results.rule : one(each.expiration[*].days) if each.id == "results"]) == 2
    error_message = "retention_hours or question_retention_hours has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.agent.environment[*].variables.QUESTION_RETENTION_HOURS) == "24"
    error_message = "question_retention_hours has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.api_handler.environment[*].variables.QUESTION_RETENTION_HOURS) == "24"
    error_message = "question_retention_hours has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.api_handler.environment[*].variables.CONVERSATION_RETENTION_DAYS) == "7"
    error_message = "conversation_retention_days has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.run_starter.environment[*].variables.CONVERSATION_RETENTION_DAYS) == "7"
    error_message = "conversation_retention_days has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.run_starter.environment[*].variables.QUESTION_RETENTION_HOURS) == "24"
    error_message = "question_retention_hours has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.orchestrator.environment[*].variables.QUESTION_RETENTION_HOURS) == "24"
    error_message = "question_retention_hours has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.orchestrator.environment[*].variables.JOB_TIMEOUT_MINUTES) == "30"
    error_message = "job_timeout_minutes has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.run_closer.environment[*].variables.QUESTION_RETENTION_HOURS) == "24"
    error_message = "question_retention_hours has no effect."
  }

  assert {
    condition     = aws_dynamodb_table.agent_progress.deletion_protection_enabled
    error_message = "deletion_protection has no effect."
  }

  assert {
    condition     = aws_dynamodb_table.user_sessions.deletion_protection_enabled
    error_message = "deletion_protection has no effect."
  }

  assert {
    condition     = aws_cognito_user_pool.users[0].deletion_protection == "ACTIVE"
    error_message = "deletion_protection has no effect."
  }

  assert {
    condition     = !one(aws_dynamodb_table.agent_progress.point_in_time_recovery[*].enabled)
    error_message = "point_in_time_recovery has no effect."
  }

  assert {
    condition     = !one(aws_dynamodb_table.user_sessions.point_in_time_recovery[*].enabled)
    error_message = "point_in_time_recovery has no effect."
  }

  assert {
    condition     = toset(aws_cloudwatch_metric_alarm.alarm["agent-errors"].alarm_actions) == toset(["arn:aws:sns:us-east-1:000000000000:on-call"])
    error_message = "alarm_actions has no effect."
  }

  assert {
    condition     = toset(aws_cloudwatch_metric_alarm.alarm["agent-errors"].ok_actions) == toset(["arn:aws:sns:us-east-1:000000000000:on-call"])
    error_message = "alarm_actions has no effect."
  }

  assert {
    condition     = aws_cloudwatch_dashboard.runcast[0].dashboard_name == "other-runcast-us-east-1"
    error_message = "enable_dashboard has no effect."
  }

  assert {
    condition     = length(aws_appsync_graphql_api.runcast.additional_authentication_provider) == 3
    error_message = "enable_api_key has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.run_starter.environment[*].variables.API_KEY_MAY_START) == "true"
    error_message = "api_key_may_start has no effect."
  }

  assert {
    condition     = aws_appsync_api_key.public[0].description == "Callers who are not signed in."
    error_message = "enable_api_key has no effect."
  }

  assert {
    condition     = length(aws_api_gateway_account.logs) == 1
    error_message = "enable_api_gateway_account has no effect."
  }

  assert {
    condition     = length(aws_api_gateway_stage.rest_api.access_log_settings) == 1
    error_message = "enable_api_gateway_account has no effect."
  }

  assert {
    condition     = toset(one(aws_s3_bucket_cors_configuration.results[0].cors_rule[*].allowed_origins)) == toset(["https://app.example.com"])
    error_message = "cors_origins has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.api_handler.environment[*].variables.CORS_ORIGINS) == "https://app.example.com"
    error_message = "cors_origins has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.agent.environment[*].variables.BEDROCK_MODEL_ID) == "amazon.nova-lite-v1:0"
    error_message = "bedrock_model_id has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.orchestrator.environment[*].variables.BEDROCK_MODEL_ID) == "amazon.nova-lite-v1:0"
    error_message = "bedrock_model_id has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.agent.environment[*].variables.MODEL_MAX_TOKENS) == "1000"
    error_message = "model_max_tokens has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.orchestrator.environment[*].variables.MODEL_MAX_TOKENS) == "1000"
    error_message = "model_max_tokens has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.agent.environment[*].variables.MODEL_PRICES) == "{\"amazon.nova-lite-v1:0\":{\"cache_read\":0.015,\"cache_write\":null,\"input\":0.06,\"output\":0.24}}"
    error_message = "model_prices has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.run_starter.environment[*].variables.AGENT_FUNCTIONS) == "{\"mine\":\"arn:aws:lambda:us-east-1:000000000000:function:my-agent\"}"
    error_message = "agent_functions has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.api_handler.environment[*].variables.AGENT_FUNCTIONS) == "{\"mine\":\"arn:aws:lambda:us-east-1:000000000000:function:my-agent\"}"
    error_message = "agent_functions has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.orchestrator.environment[*].variables.AGENT_FUNCTIONS) == "{\"mine\":\"arn:aws:lambda:us-east-1:000000000000:function:my-agent\"}"
    error_message = "agent_functions has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.run_closer.environment[*].variables.AGENT_FUNCTIONS) == "{\"mine\":\"arn:aws:lambda:us-east-1:000000000000:function:my-agent\"}"
    error_message = "agent_functions has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.progress_reader.environment[*].variables.AGENT_FUNCTIONS) == "{\"mine\":\"arn:aws:lambda:us-east-1:000000000000:function:my-agent\"}"
    error_message = "agent_functions has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.status_publisher.environment[*].variables.MUTATIONS_PER_REQUEST) == "1"
    error_message = "publish_batch_size has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.run_starter.environment[*].variables.USER_ID_CLAIM) == "cognito:username"
    error_message = "user_id_claim has no effect."
  }

  assert {
    condition     = strcontains(aws_appsync_resolver.field["Subscription.onStatusUpdate"].code, "= 'cognito:username';")
    error_message = "user_id_claim has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.run_starter.environment[*].variables.TENANT_ID_CLAIM) == "custom:organisation"
    error_message = "tenant_id_claim has no effect."
  }

  assert {
    condition     = strcontains(aws_appsync_resolver.field["Subscription.onStatusUpdate"].code, "= 'custom:organisation';")
    error_message = "tenant_id_claim has no effect."
  }

  assert {
    condition     = one(aws_cognito_user_pool.users[0].schema[*].name) == "organisation"
    error_message = "tenant_id_claim has no effect."
  }

  assert {
    condition     = strcontains(aws_appsync_graphql_api.runcast.schema, "@aws_oidc")
    error_message = "oidc_issuer has no effect."
  }

  assert {
    condition     = strcontains(aws_appsync_resolver.field["Subscription.onStatusUpdate"].code, "\"issuer\":\"https://login.example.com/realms/main\"")
    error_message = "oidc_issuer has no effect."
  }

  assert {
    condition     = jsondecode(one(aws_lambda_function.api_handler.environment[*].variables.OIDC)).audience == "api://runcast.example"
    error_message = "oidc_audience has no effect."
  }

  assert {
    condition     = jsondecode(one(aws_lambda_function.progress_reader.environment[*].variables.OIDC)).tenantIdClaim == "https://example.com/tenant"
    error_message = "oidc_tenant_id_claim has no effect."
  }

  assert {
    condition     = aws_cognito_user_pool.users[0].mfa_configuration == "OPTIONAL"
    error_message = "user_pool_mfa has no effect."
  }

  assert {
    condition     = one(aws_cognito_user_pool.users[0].software_token_mfa_configuration[*].enabled)
    error_message = "user_pool_mfa has no effect."
  }

  assert {
    condition     = aws_api_gateway_method_settings.throttling[0].method_path == "*/*"
    error_message = "rest_throttling has no effect."
  }

  assert {
    condition     = one(aws_api_gateway_method_settings.throttling[0].settings[*].throttling_rate_limit) == 200
    error_message = "rest_throttling has no effect."
  }

  assert {
    condition     = one(aws_api_gateway_method_settings.throttling[0].settings[*].throttling_burst_limit) == 400
    error_message = "rest_throttling has no effect."
  }

  assert {
    condition     = jsondecode(one(aws_lambda_function.run_starter.environment[*].variables.LIMITS)).user_open_runs == 5
    error_message = "limits has no effect."
  }

  assert {
    condition     = aws_lambda_function.agent.reserved_concurrent_executions == 50
    error_message = "agent_reserved_concurrency has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.agent.tenancy_config[*].tenant_isolation_mode) == "PER_TENANT"
    error_message = "tenant_isolation has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.run_starter.environment[*].variables.TENANT_ISOLATION) == "true"
    error_message = "tenant_isolation has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.api_handler.environment[*].variables.TENANT_ISOLATION) == "true"
    error_message = "tenant_isolation has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.orchestrator.environment[*].variables.TENANT_ISOLATION) == "true"
    error_message = "tenant_isolation has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.run_closer.environment[*].variables.TENANT_ISOLATION) == "true"
    error_message = "tenant_isolation has no effect."
  }

  assert {
    condition     = aws_wafv2_web_acl_association.api["graphql"].web_acl_arn == "arn:aws:wafv2:us-east-1:000000000000:regional/webacl/firewall/0a1b2c3d"
    error_message = "web_acl_arn has no effect."
  }

  assert {
    condition     = aws_wafv2_web_acl_association.api["rest"].web_acl_arn == "arn:aws:wafv2:us-east-1:000000000000:regional/webacl/firewall/0a1b2c3d"
    error_message = "web_acl_arn has no effect."
  }

  assert {
    condition     = aws_iam_role.api_logs.permissions_boundary == "arn:aws:iam::aws:policy/PowerUserAccess"
    error_message = "permissions_boundary_arn has no effect."
  }

  assert {
    condition     = aws_dynamodb_table.agent_progress.tags == tomap({ owner = "tests" })
    error_message = "tags has no effect."
  }

  assert {
    condition     = aws_cloudwatch_log_group.api.kms_key_id == "arn:aws:kms:us-east-1:000000000000:key/tests"
    error_message = "kms_key_arn has no effect."
  }
}

run "own_user_pool" {
  command = plan

  variables {
    cognito_user_pool_id        = "eu-west-1_Own"
    cognito_user_pool_client_id = "ownclient"
  }

  assert {
    condition     = length(aws_cognito_user_pool.users) == 0
    error_message = "cognito_user_pool_id has no effect."
  }

  assert {
    condition     = one(aws_appsync_graphql_api.runcast.user_pool_config[*].user_pool_id) == "eu-west-1_Own"
    error_message = "cognito_user_pool_id has no effect."
  }

  assert {
    condition     = one(aws_appsync_graphql_api.runcast.user_pool_config[*].aws_region) == "eu-west-1"
    error_message = "cognito_user_pool_id has no effect."
  }

  assert {
    condition     = length(aws_cognito_user_pool_client.frontend) == 0
    error_message = "cognito_user_pool_client_id has no effect."
  }

  assert {
    condition     = one(aws_appsync_graphql_api.runcast.user_pool_config[*].app_id_client_regex) == "^ownclient$"
    error_message = "cognito_user_pool_client_id has no effect."
  }

  assert {
    condition     = one(aws_lambda_function.api_handler.environment[*].variables.USER_POOL_CLIENT_ID) == "ownclient"
    error_message = "cognito_user_pool_client_id has no effect."
  }
}
