# The state machine that runs jobs, playbook.asl.json: its executions are the jobs, named by their ids.
#
# What no Retry and no Catch of it sees (a time-out of the execution, StopExecution, more data than a state may hold) ends
# the execution; so does a job that fails. Of each such end the rule below tells run_closer, which ends what is still open.

locals {
  state_machine_name = "${var.name_prefix}runcast-playbook"
  state_machine_arn  = "arn:${local.partition}:states:${local.region}:${local.account_id}:stateMachine:${local.state_machine_name}"
}

resource "aws_sfn_state_machine" "playbook" {
  #checkov:skip=CKV_AWS_285:It wants the data in the log. What users ask and agents answer does not belong there.

  name     = local.state_machine_name
  type     = "STANDARD"
  role_arn = aws_iam_role.playbook.arn
  definition = templatefile("${path.module}/playbook.asl.json", {
    orchestrator_arn = aws_lambda_function.orchestrator.arn
    partition        = local.partition
  })

  logging_configuration {
    level                  = "ERROR"
    include_execution_data = false
    log_destination        = "${aws_cloudwatch_log_group.playbook.arn}:*"
  }

  tracing_configuration {
    enabled = true
  }

  # The provider would keep a key set before if the whole block went away.
  encryption_configuration {
    type                              = var.kms_key_arn == null ? "AWS_OWNED_KEY" : "CUSTOMER_MANAGED_KMS_KEY"
    kms_key_id                        = var.kms_key_arn
    kms_data_key_reuse_period_seconds = var.kms_key_arn == null ? null : 300
  }

  tags = var.tags

  # Step Functions looks whether the role may log and use the key.
  depends_on = [aws_iam_role_policy.playbook]
}

resource "aws_cloudwatch_event_rule" "jobs_failed" {
  name        = "${var.name_prefix}runcast-jobs-failed"
  description = "Ends jobs whose execution did not come to its end."
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
