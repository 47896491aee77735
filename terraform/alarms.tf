# The alarms. docs/observability.md explains each one and the first thing to do. They exist only if alarm_actions names a
# target, because an alarm without one only costs money.

locals {
  # Each alarm compares the sum over one period with a threshold. A lost run raises an alarm. A single timeout, or a
  # throttle that Lambda retries, does not if the run continues.
  alarms = merge(
    {
      agent-errors = {
        description = "A run was killed: it ran out of memory or time, or its function could not start. Search the agent's log for its awsRequestId."
        namespace   = "AWS/Lambda", metric = "Errors", threshold = 1
        dimensions  = { FunctionName = local.function_names["agent"] }
      }
      runs-failed = {
        description = "Several runs ended as errors. Search the agent's log for \"the run ended\"; the line before it has the reason."
        namespace   = "Runcast", metric = "RunsFailed", threshold = 5
        dimensions  = { FunctionName = local.function_names["agent"] }
      }
      runs-degraded = {
        description = "Runs could not record all of their steps. Check whether the table AgentProgress is throttled, failing or unreachable for the agent."
        namespace   = "Runcast", metric = "RunsDegraded", threshold = 3
        dimensions  = { FunctionName = local.function_names["agent"] }
      }
      steps-unsent = {
        description = "The agent cannot hand status messages to status_publisher. The records are complete, but users do not see the runs live. The agent's log has the reason."
        namespace   = "Runcast", metric = "StepsUnsent", threshold = 10
        dimensions  = { FunctionName = local.function_names["agent"] }
      }
      publish-failures = {
        description = "AppSync does not accept status messages. The records are complete, but users do not see the runs live. The log of status_publisher has the reason."
        namespace   = "Runcast", metric = "PublishFailures", threshold = 10
        dimensions  = { FunctionName = local.function_names["status_publisher"] }
      }
      agent-failures-untold = {
        description = "Lambda could not report a failed agent invocation to run_closer. The run is lost until the next sweep ends it. Check whether the agent's role may invoke run_closer."
        namespace   = "AWS/Lambda", metric = "DestinationDeliveryFailures", threshold = 1
        dimensions  = { FunctionName = local.function_names["agent"] }
      }
      jobs-failed = {
        description = "Several jobs ended as errors. The job's record and its execution have the reason."
        namespace   = "AWS/States", metric = "ExecutionsFailed", threshold = 5
        dimensions  = { StateMachineArn = aws_sfn_state_machine.playbook.arn }
      }
      jobs-timed-out = {
        description = "A job's execution lasted as long as the job's record can be kept, and was ended. Its history shows the state at which it stopped."
        namespace   = "AWS/States", metric = "ExecutionsTimedOut", threshold = 1
        dimensions  = { StateMachineArn = aws_sfn_state_machine.playbook.arn }
      }
      jobs-closed = {
        description = "A job's execution stopped before it wrote the job's end, so run_closer wrote it. SaveResults failed, or the execution timed out or was lost. Its history shows the state at which it stopped."
        namespace   = "Runcast", metric = "JobsClosed", threshold = 1
        dimensions  = { FunctionName = local.function_names["run_closer"] }
      }
      job-failures-untold = {
        description = "EventBridge could not report a failed job to run_closer. The job is lost until a sweep ends it. Check whether the rule may invoke run_closer."
        namespace   = "AWS/Events", metric = "FailedInvocations", threshold = 1
        dimensions  = { RuleName = aws_cloudwatch_event_rule.jobs_failed.name }
      }
      graphql-5xx = {
        description = "AppSync returns server errors. Check the AWS Health Dashboard, then the API's log."
        namespace   = "AWS/AppSync", metric = "5XXError", threshold = 5
        dimensions  = { GraphQLAPIId = aws_appsync_graphql_api.runcast.id }
      }
      rest-5xx = {
        description = "The REST API answers 5xx. Check the log of api_handler; if it has no errors, API Gateway could not invoke the function."
        namespace   = "AWS/ApiGateway", metric = "5XXError", threshold = 5
        dimensions  = { ApiName = aws_api_gateway_rest_api.rest_api.name, Stage = aws_api_gateway_stage.rest_api.stage_name }
      }
      table-write-throttles = {
        description = "DynamoDB throttles writes to AgentProgress because a limit of the table or the account is reached. Steps are late, then lost."
        namespace   = "AWS/DynamoDB", metric = "WriteThrottleEvents", threshold = 10
        dimensions  = { TableName = aws_dynamodb_table.agent_progress.name }
      }
      table-read-throttles = {
        description = "DynamoDB throttles reads of AgentProgress. Check whether a client polls without a pause."
        namespace   = "AWS/DynamoDB", metric = "ReadThrottleEvents", threshold = 10
        dimensions  = { TableName = aws_dynamodb_table.agent_progress.name }
      }
      table-errors = {
        description = "DynamoDB fails to write to AgentProgress. Check the AWS Health Dashboard. The recorder keeps retrying."
        namespace   = "AWS/DynamoDB", metric = "SystemErrors", threshold = 10
        dimensions  = { TableName = aws_dynamodb_table.agent_progress.name, Operation = "UpdateItem" }
      }
    },
    # For the functions behind GraphQL, because AppSync answers 200 even if they fail, and for those behind events. The
    # alarm rest-5xx covers the function behind REST.
    {
      for name in ["progress_reader", "run_closer", "run_starter", "status_publisher"] : "${replace(name, "_", "-")}-errors" => {
        description = "${name} crashes or times out. Its log has the reason."
        namespace   = "AWS/Lambda", metric = "Errors", threshold = 3
        dimensions  = { FunctionName = local.function_names[name] }
      }
    },
    {
      for name in ["progress_reader", "run_starter"] : "${replace(name, "_", "-")}-requests-failed" => {
        description = "${name} fails requests through a fault of the service. Its log has an error or a warning for each."
        namespace   = "Runcast", metric = "RequestsFailed", threshold = 5
        dimensions  = { FunctionName = local.function_names[name] }
      }
    },
    {
      for name in ["api_handler", "run_starter"] : "${replace(name, "_", "-")}-limits-unchecked" => {
        description = "${name} starts runs without a check of var.limits, because the table AgentProgress does not count them. Its log has the reason."
        namespace   = "Runcast", metric = "LimitsUnchecked", threshold = 5
        dimensions  = { FunctionName = local.function_names[name] }
      }
    },
    {
      for name, function_name in local.function_names : "${replace(name, "_", "-")}-throttles" => {
        description = "Lambda throttles ${name}: the account's concurrency is used up. Request a higher quota, or find the functions that use it."
        namespace   = "AWS/Lambda", metric = "Throttles", threshold = 5
        dimensions  = { FunctionName = function_name }
      }
    },
    # Lambda drops an accepted event if throttling delays it for too long.
    {
      for name, threshold in { agent = 1, status_publisher = 10 } : "${replace(name, "_", "-")}-events-dropped" => {
        description                  = "Lambda dropped events of ${name} that had waited too long: ${name == "agent" ? "runs that never started, which are ended as errors" : "messages that were not sent live"}. Check for throttling."
        namespace                    = "AWS/Lambda", metric = "AsyncEventsDropped", threshold = threshold
        dimensions                   = { FunctionName = local.function_names[name] }
      }
    },
  )
}

resource "aws_cloudwatch_metric_alarm" "alarm" {
  for_each = length(var.alarm_actions) == 0 ? {} : local.alarms

  alarm_name          = "${var.name_prefix}runcast-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = each.value.threshold
  # Without runs there are no metrics, which is not a failure.
  treat_missing_data = "notBreaching"
  alarm_actions      = var.alarm_actions
  ok_actions         = var.alarm_actions

  tags = var.tags
}
