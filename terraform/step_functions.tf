# The state machine that runs jobs, playbook.asl.json. Each execution is a job, named after the job's id. All tasks share the
# rules for retries in playbook_retry.asl.json.
#
# An execution fails if its job fails, and on errors that Retry and Catch cannot handle (a timeout of the execution,
# StopExecution, more data than a state may have). The rule below reports each failed execution to run_closer, which ends
# the job and its open runs.

locals {
  state_machine_name = "${var.name_prefix}runcast-playbook"
  # An execution can wait for as long as its job's record can live, at most a year.
  execution_seconds = min(365 * 24, var.retention_hours + var.question_retention_hours) * 3600

  # How long a task waits for a report on a run before it looks at the run's record itself. While the run waits for an
  # answer, once an hour; at most 200 times in all, because an execution has at most 25,000 events.
  # Source: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
  working_seconds = 300
  waiting_seconds = max(3600, ceil(local.execution_seconds / 200))

  state_machine_arn = "arn:${local.partition}:states:${local.region}:${local.account_id}:stateMachine:${local.state_machine_name}"
}

resource "aws_sfn_state_machine" "playbook" {
  #checkov:skip=CKV_AWS_285:It demands the data in the log, but users' queries and agents' answers do not belong there.

  name     = local.state_machine_name
  type     = "STANDARD"
  role_arn = aws_iam_role.playbook.arn
  definition = templatefile("${path.module}/playbook.asl.json", {
    execution_seconds = local.execution_seconds
    orchestrator_arn  = aws_lambda_function.orchestrator.arn
    partition         = local.partition
    retry             = join(", ", [for rule in jsondecode(file("${path.module}/playbook_retry.asl.json")) : jsonencode(rule)])
    waiting_seconds   = local.waiting_seconds
    working_seconds   = local.working_seconds
  })

  logging_configuration {
    level                  = "ERROR"
    include_execution_data = false
    log_destination        = "${aws_cloudwatch_log_group.playbook.arn}:*"
  }

  tracing_configuration {
    enabled = true
  }

  # Without the block, the provider would keep the previous key.
  encryption_configuration {
    type                              = var.kms_key_arn == null ? "AWS_OWNED_KEY" : "CUSTOMER_MANAGED_KMS_KEY"
    kms_key_id                        = var.kms_key_arn
    kms_data_key_reuse_period_seconds = var.kms_key_arn == null ? null : 300
  }

  tags = var.tags

  # Step Functions checks whether the role may write logs and use the key.
  depends_on = [aws_iam_role_policy.playbook]
}

resource "aws_cloudwatch_event_rule" "jobs_failed" {
  name        = "${var.name_prefix}runcast-jobs-failed"
  description = "Ends jobs whose execution failed."
  event_pattern = jsonencode({
    source      = ["aws.states"]
    detail-type = ["Step Functions Execution Status Change"]
    detail = {
      status          = ["FAILED", "TIMED_OUT", "ABORTED"]
      stateMachineArn = [aws_sfn_state_machine.playbook.arn]
    }
  })

  tags = var.tags
}

resource "aws_cloudwatch_event_target" "jobs_failed" {
  rule      = aws_cloudwatch_event_rule.jobs_failed.name
  target_id = "run-closer"
  arn       = aws_lambda_function.run_closer.arn
}

resource "aws_lambda_permission" "jobs_failed" {
  statement_id  = "jobs-failed"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.run_closer.function_name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.jobs_failed.arn
}
