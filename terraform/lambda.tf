# The functions themselves are Chalice's export, chalice.tf.json; here is what Chalice cannot say about them.

# A run is started once: a second attempt would find it claimed. What waited longer than two minutes is not wanted any more.
resource "aws_lambda_function_event_invoke_config" "agent" {
  function_name                = aws_lambda_function.agent.function_name
  maximum_event_age_in_seconds = 120
  maximum_retry_attempts       = 0

  # An event that was given up, or whose worker died: its run is ended.
  destination_config {
    on_failure {
      destination = aws_lambda_function.run_closer.arn
    }
  }

  # Lambda looks whether the role may invoke the destination.
  depends_on = [aws_iam_role_policy.function_access]
}

# Closing again changes nothing, so it may be tried again; what fails for an hour is left to a later sweep.
resource "aws_lambda_function_event_invoke_config" "run_closer" {
  function_name                = aws_lambda_function.run_closer.function_name
  maximum_event_age_in_seconds = 3600
  maximum_retry_attempts       = 2
}

# Runs that no failed invocation tells of: nobody answered them, or they were invoked directly, or ran elsewhere.
resource "aws_cloudwatch_event_rule" "sweep" {
  name                = "${var.name_prefix}runcast-sweep"
  description         = "Ends runs that were left alone."
  schedule_expression = "rate(5 minutes)" # A record that is kept for two hours, the least, waits 108 minutes for an answer.

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

# A status message is worth sending for a minute; the record holds it in any case.
resource "aws_lambda_function_event_invoke_config" "status_publisher" {
  function_name                = aws_lambda_function.status_publisher.function_name
  maximum_event_age_in_seconds = 60
  maximum_retry_attempts       = 0
}
