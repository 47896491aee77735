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

run "bad_values" {
  command = plan

  variables {
    name_prefix              = "9"
    log_retention_days       = 2
    log_level                = "WARN"
    permissions_boundary_arn = ""
    kms_key_arn              = ""
    previous_kms_key_arn     = "arn:aws:kms:eu-west-1:123456789012:alias/runcast"
    vpc_config = {
      subnet_ids         = []
      security_group_ids = ["sg-1"]
    }
    lambda_architecture         = "arm"
    lambda_runtime              = "python3.10"
    retention_hours             = 1
    question_retention_hours    = 0
    conversation_retention_days = 0
    handover_seconds            = 0
    max_run_hours               = 0
    job_timeout_minutes         = 0
    alarm_actions               = ["on-call"]
    user_pool_mfa               = "SMS"
    rest_throttling = {
      rate  = 0
      burst = 1
    }
    limits = {
      user_open_runs = 0
    }
    agent_reserved_concurrency = 0
    web_acl_arn                = "firewall"
    cors_origins               = ["https://app.example.com/path"]
    bedrock_model_id           = "arn:aws:bedrock:us-east-1::foundation-model/x"
    model_max_tokens           = 0
    model_prices               = { some_model = { input = -1, output = 1 } }
    agent_functions = {
      9 = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
    }
    publish_batch_size          = 0
    user_id_claim               = "name"
    tenant_id_claim             = "tenantId"
    oidc_issuer                 = "http://login.example.com"
    oidc_audience               = ""
    oidc_tenant_id_claim        = "it's"
    cognito_user_pool_id        = "pool"
    cognito_user_pool_client_id = "Own-client"
  }

  expect_failures = [var.name_prefix, var.log_retention_days, var.log_level, var.permissions_boundary_arn, var.kms_key_arn, var.previous_kms_key_arn, var.vpc_config, var.lambda_architecture, var.lambda_runtime, var.retention_hours, var.question_retention_hours, var.conversation_retention_days, var.job_timeout_minutes, var.handover_seconds, var.max_run_hours, var.alarm_actions, var.user_pool_mfa, var.rest_throttling, var.limits, var.agent_reserved_concurrency, var.web_acl_arn, var.cors_origins, var.bedrock_model_id, var.model_max_tokens, var.model_prices, var.agent_functions, var.publish_batch_size, var.user_id_claim, var.tenant_id_claim, var.oidc_issuer, var.oidc_audience, var.oidc_tenant_id_claim, var.cognito_user_pool_id, var.cognito_user_pool_client_id]
}

run "more_bad_values" {
  command = plan

  variables {
    name_prefix              = "dev_"
    log_retention_days       = 0
    permissions_boundary_arn = "boundary"
    kms_key_arn              = "0f1c"
    vpc_config = {
      subnet_ids         = ["subnet-1"]
      security_group_ids = []
    }
    lambda_runtime              = "python3.15"
    retention_hours             = 2.5
    question_retention_hours    = 1.5
    conversation_retention_days = 1.5
    handover_seconds            = 1.5
    max_run_hours               = 1.5
    job_timeout_minutes         = 1.5
    alarm_actions               = ["arn:aws:sns:us-east-1:000000000000:on-call", "arn:aws:sns:us-east-1:000000000000:on-call", "arn:aws:sns:us-east-1:000000000000:on-call", "arn:aws:sns:us-east-1:000000000000:on-call", "arn:aws:sns:us-east-1:000000000000:on-call", "arn:aws:sns:us-east-1:000000000000:on-call"]
    rest_throttling = {
      rate  = 1
      burst = 0
    }
    limits = {
      user_open_runs = 1.5
    }
    agent_reserved_concurrency = 1.5
    web_acl_arn                = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/firewall/0a1b2c3d"
    cors_origins               = ["*", "https://app.example.com"]
    bedrock_model_id           = "claude"
    model_max_tokens           = 1.5
    model_prices               = { some_model_0 = { input = 1, output = 1 }, some_model_1 = { input = 1, output = 1 }, some_model_2 = { input = 1, output = 1 }, some_model_3 = { input = 1, output = 1 }, some_model_4 = { input = 1, output = 1 }, some_model_5 = { input = 1, output = 1 }, some_model_6 = { input = 1, output = 1 }, some_model_7 = { input = 1, output = 1 }, some_model_8 = { input = 1, output = 1 }, some_model_9 = { input = 1, output = 1 }, some_model_10 = { input = 1, output = 1 }, some_model_11 = { input = 1, output = 1 }, some_model_12 = { input = 1, output = 1 }, some_model_13 = { input = 1, output = 1 }, some_model_14 = { input = 1, output = 1 }, some_model_15 = { input = 1, output = 1 }, some_model_16 = { input = 1, output = 1 }, some_model_17 = { input = 1, output = 1 }, some_model_18 = { input = 1, output = 1 }, some_model_19 = { input = 1, output = 1 }, some_model_20 = { input = 1, output = 1 }, some_model_21 = { input = 1, output = 1 }, some_model_22 = { input = 1, output = 1 }, some_model_23 = { input = 1, output = 1 }, some_model_24 = { input = 1, output = 1 }, some_model_25 = { input = 1, output = 1 }, some_model_26 = { input = 1, output = 1 }, some_model_27 = { input = 1, output = 1 }, some_model_28 = { input = 1, output = 1 }, some_model_29 = { input = 1, output = 1 } }
    agent_functions = {
      mine = "my-agent"
    }
    publish_batch_size = 1.5
    tenant_id_claim    = "custom:aaaaaaaaaaaaaaaaaaaaa"

    oidc_issuer          = "https://login.example.com?x=1"
    oidc_audience        = "a|b"
    oidc_tenant_id_claim = ""
  }

  expect_failures = [var.name_prefix, var.log_retention_days, var.permissions_boundary_arn, var.kms_key_arn, var.vpc_config, var.lambda_runtime, var.retention_hours, var.question_retention_hours, var.conversation_retention_days, var.job_timeout_minutes, var.handover_seconds, var.max_run_hours, var.alarm_actions, var.rest_throttling, var.limits, var.agent_reserved_concurrency, var.web_acl_arn, var.cors_origins, var.bedrock_model_id, var.model_max_tokens, var.model_prices, var.agent_functions, var.publish_batch_size, var.tenant_id_claim, var.oidc_issuer, var.oidc_audience, var.oidc_tenant_id_claim]
}

run "still_more_bad_values" {
  command = plan

  variables {
    name_prefix              = "aaaaaaaaaaaaaaaaaaaaa"
    permissions_boundary_arn = "arn:aws:iam::123456789012:role/boundary"
    kms_key_arn              = "arn:aws:kms:eu-west-1:123456789012:alias/runcast"
    vpc_config = {
      subnet_ids         = ["sg-1"]
      security_group_ids = ["subnet-1"]
    }
    lambda_runtime              = "nodejs22.x"
    retention_hours             = 8761
    question_retention_hours    = 8761
    conversation_retention_days = 366
    handover_seconds            = 451
    max_run_hours               = 8760
    job_timeout_minutes         = 1441
    alarm_actions               = ["arn:aws:sns:eu-west-1:123456789012:on call"]
    rest_throttling = {
      rate  = 1
      burst = 1.5
    }
    limits = {
      user_open_runs = 1000000001
    }
    cors_origins       = ["app.example.com"]
    model_max_tokens   = 200001
    publish_batch_size = 51
  }

  expect_failures = [var.name_prefix, var.permissions_boundary_arn, var.kms_key_arn, var.vpc_config, var.lambda_runtime, var.retention_hours, var.question_retention_hours, var.conversation_retention_days, var.job_timeout_minutes, var.handover_seconds, var.max_run_hours, var.alarm_actions, var.rest_throttling, var.limits, var.cors_origins, var.model_max_tokens, var.publish_batch_size]
}

run "half_a_user_pool" {
  command = plan

  variables {
    cognito_user_pool_id = "eu-west-1_Own"
  }

  expect_failures = [data.aws_region.current]
}

run "a_package_for_other_processors" {
  command = plan

  variables {
    lambda_architecture = "x86_64"
  }

  expect_failures = [data.aws_region.current]
}

run "a_package_for_another_runtime" {
  command = plan

  variables {
    lambda_runtime = "python3.11"
  }

  expect_failures = [data.aws_region.current]
}

run "a_job_that_outlives_its_record" {
  command = plan

  variables {
    retention_hours     = 2
    job_timeout_minutes = 91
  }

  expect_failures = [data.aws_region.current]
}

run "an_environment_that_is_too_large" {
  command = plan

  variables {
    agent_functions = {
      mine0  = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine1  = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine2  = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine3  = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine4  = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine5  = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine6  = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine7  = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine8  = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine9  = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine10 = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine11 = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine12 = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine13 = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine14 = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine15 = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine16 = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine17 = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine18 = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine19 = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine20 = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine21 = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine22 = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine23 = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine24 = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine25 = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine26 = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine27 = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine28 = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine29 = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine30 = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine31 = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine32 = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine33 = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine34 = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine35 = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine36 = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine37 = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine38 = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine39 = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine40 = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine41 = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine42 = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine43 = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine44 = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine45 = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine46 = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine47 = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine48 = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      mine49 = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
    }
  }

  expect_failures = [data.aws_iam_policy_document.run_starter]
}

run "an_agent_that_is_packaged_already" {
  command = plan

  variables {
    agent_functions = {
      mine   = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
      layout = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
    }
  }

  expect_failures = [data.aws_iam_policy_document.run_starter]
}

run "a_function_of_another_region" {
  command = plan

  variables {
    agent_functions = {
      mine = "arn:aws:lambda:eu-west-1:000000000000:function:my-agent"
    }
  }

  expect_failures = [data.aws_iam_policy_document.run_starter]
}

run "a_web_acl_of_another_region" {
  command = plan

  variables {
    web_acl_arn = "arn:aws:wafv2:eu-west-1:000000000000:regional/webacl/firewall/0a1b2c3d"
  }

  expect_failures = [aws_wafv2_web_acl_association.api]
}
