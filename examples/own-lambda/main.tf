# A root module that creates your function, and lets Runcast start it as the agent `counter`: docs/your-agent.md.

module "runcast" {
  source = "../../terraform"

  agent_functions = { counter = aws_lambda_function.counter.arn }
}

resource "aws_lambda_function" "counter" {
  function_name    = "counter"
  filename         = "my_function.zip"
  source_code_hash = filebase64sha256("my_function.zip")
  runtime          = "python3.13"
  handler          = "my_function.handler"
  role             = aws_iam_role.counter.arn
  memory_size      = 768
  timeout          = 900

  environment {
    variables = module.runcast.recorder_environment
  }
}

# No retries: a second attempt would repeat the work, but could not record it.
resource "aws_lambda_function_event_invoke_config" "counter" {
  function_name                = aws_lambda_function.counter.function_name
  maximum_event_age_in_seconds = 120
  maximum_retry_attempts       = 0

  # Ends the run of an event that was dropped or whose worker died.
  destination_config {
    on_failure {
      destination = module.runcast.run_closer_function_arn
    }
  }

  depends_on = [aws_iam_role_policy.recorder]
}

resource "aws_iam_role" "counter" {
  name = "counter"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "recorder" {
  name   = "recorder"
  role   = aws_iam_role.counter.id
  policy = module.runcast.recorder_policy_json
}

# The permissions of the agent itself: here, to call the default model of Strands.
resource "aws_iam_role_policy" "model" {
  name = "model"
  role = aws_iam_role.counter.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
      Resource = ["arn:aws:bedrock:*::foundation-model/*", "arn:aws:bedrock:*:*:inference-profile/*"]
    }]
  })
}
