# The functions are in Chalice's export, chalice.tf.json. This file has the settings that Chalice cannot express.

# No retries: a second attempt would find the run claimed. An event that has waited for two minutes is out of date.
resource "aws_lambda_function_event_invoke_config" "agent" {
  function_name                = aws_lambda_function.agent.function_name
  maximum_event_age_in_seconds = 120
  maximum_retry_attempts       = 0

  # run_closer ends the run of an event that was dropped or whose worker died.
  destination_config {
    on_failure {
      destination = aws_lambda_function.run_closer.arn
    }
  }

  # Lambda checks whether the role may invoke the destination.
  depends_on = [aws_iam_role_policy.function_access]

  # Lambda deletes these settings with the function. After tenant_isolation has replaced it, its name is the same, so they
  # would seem to need no change; its ARN is unknown until then. The other functions' settings name it without a
  # reference: the REST API's deployment would pass its create_before_destroy on to the function.
  lifecycle {
    replace_triggered_by = [aws_lambda_function.agent.arn]
  }
}

# Closing a run is idempotent, so it is retried. After an hour of failures, a later sweep takes over.
resource "aws_lambda_function_event_invoke_config" "run_closer" {
  function_name                = aws_lambda_function.run_closer.function_name
  maximum_event_age_in_seconds = 3600
  maximum_retry_attempts       = 2
}

# A long run goes from agent to run_closer and back, once for each of its parts. Lambda would stop such a chain after 16
# invocations. max_run_hours bounds it instead.
# Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
resource "aws_lambda_function_recursion_config" "handover" {
  for_each = toset([aws_lambda_function.agent.function_name, aws_lambda_function.run_closer.function_name])

  function_name  = each.value
  recursive_loop = "Allow"

  # Like the settings above.
  lifecycle {
    replace_triggered_by = [aws_lambda_function.agent.arn]
  }
}

# The names of the packaged agents. make deploy reads them from the state, and lists those that the next package lacks.
resource "terraform_data" "packaged_agents" {
  input = local.packaged_agents
}

# Runs without a report of a failed invocation: nobody answered their question, or they were invoked directly, or they ran
# in your own functions.
resource "aws_cloudwatch_event_rule" "sweep" {
  name                = "${var.name_prefix}runcast-sweep"
  description         = "Ends abandoned runs."
  schedule_expression = "rate(5 minutes)" # A lease ends at least 15 minutes before its record expires.

  tags = var.tags
}

resource "aws_cloudwatch_event_target" "sweep" {
  rule      = aws_cloudwatch_event_rule.sweep.name
  target_id = "run-closer"
  arn       = aws_lambda_function.run_closer.arn
  input     = jsonencode({ sweep = true })
}

resource "aws_lambda_permission" "sweep" {
  statement_id  = "sweep"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.run_closer.function_name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.sweep.arn
}

# A status message is worth sending for a minute. The record has the step in any case.
resource "aws_lambda_function_event_invoke_config" "status_publisher" {
  function_name                = aws_lambda_function.status_publisher.function_name
  maximum_event_age_in_seconds = 60
  maximum_retry_attempts       = 0
}
