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

run "an_agents_settings" {
  command = plan

  variables {
    agent = {
      environment          = { CURRENCY = "EUR" }
      secrets              = { PRICES_KEY = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prices-AbCdEf" }
      policy_json          = "{\"Version\": \"2012-10-17\", \"Statement\": []}"
      memory_mb            = 2048
      timeout_seconds      = 600
      ephemeral_storage_mb = 1024
    }
  }

  assert {
    condition     = aws_lambda_function.agent.memory_size == 2048 && aws_lambda_function.agent.timeout == 600
    error_message = "agent has no effect on the size of the function."
  }

  assert {
    condition     = output.agent_role_name == "runcast-agent-us-east-1"
    error_message = "agent_role_name is not the name of the role."
  }
}

run "an_agents_names" {
  command = plan

  variables {
    agent = { environment = { "A-B" = "x" } }
  }

  expect_failures = [var.agent]
}

run "an_agents_shared_name" {
  command = plan

  variables {
    agent = { environment = { KEY = "x" }, secrets = { KEY = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prices-AbCdEf" } }
  }

  expect_failures = [var.agent]
}

run "an_agents_secret" {
  command = plan

  variables {
    agent = { secrets = { KEY = "prices" } }
  }

  expect_failures = [var.agent]
}

run "an_agents_policy" {
  command = plan

  variables {
    agent = { policy_json = "{}" }
  }

  expect_failures = [var.agent]
}

run "an_agents_memory" {
  command = plan

  variables {
    agent = { memory_mb = 127 }
  }

  expect_failures = [var.agent]
}

run "an_agents_timeout" {
  command = plan

  variables {
    agent = { timeout_seconds = 901 }
  }

  expect_failures = [var.agent]
}
