# What a person should be told of. docs/observability.md says of each what it means and what to do first. Without anybody
# to tell, an alarm is only a cost, so there are none while alarm_actions is empty.

locals {
  # Each compares the sum over one period with a threshold: a single time-out of a function, or a momentary throttle that
  # Lambda itself repairs, shall wake nobody where the run goes on; a lost run shall.
  alarms = merge(
    {
      agent-errors = {
        description = "A run was killed: out of memory, out of time, or its function could not start. Look for its awsRequestId in the agent's log."
        namespace   = "AWS/Lambda", metric = "Errors", threshold = 1
        dimensions  = { FunctionName = local.function_names["agent"] }
      }
      runs-failed = {
        description = "Several runs ended as errors. The line \"the run ended\" in the agent's log leads to each; the line before it says why."
        namespace   = "Runcast", metric = "RunsFailed", threshold = 5
        dimensions  = { FunctionName = local.function_names["agent"] }
      }
      runs-degraded = {
        description = "Runs could not record all of their steps. Look at the table AgentProgress: throttled, failing, or out of the agent's reach?"
        namespace   = "Runcast", metric = "RunsDegraded", threshold = 3
        dimensions  = { FunctionName = local.function_names["agent"] }
      }
      steps-unsent = {
        description = "The agent cannot hand status messages to status_publisher. The records are whole, but nobody sees their runs live. Its log says why."
        namespace   = "Runcast", metric = "StepsUnsent", threshold = 10
        dimensions  = { FunctionName = local.function_names["agent"] }
      }
      publish-failures = {
        description = "AppSync does not take status messages. The records are whole, but nobody sees their runs live. status_publisher's log says why."
        namespace   = "Runcast", metric = "PublishFailures", threshold = 10
        dimensions  = { FunctionName = local.function_names["status_publisher"] }
      }
      agent-failures-untold = {
        description = "Lambda could not tell run_closer of a failed invocation of the agent. The run reads as lost until the next sweep ends it. May the agent's role still invoke run_closer?"
        namespace   = "AWS/Lambda", metric = "DestinationDeliveryFailures", threshold = 1
        dimensions  = { FunctionName = local.function_names["agent"] }
      }
      jobs-failed = {
        description = "Several jobs ended as errors. Each job's record says why, and so does its execution."
        namespace   = "AWS/States", metric = "ExecutionsFailed", threshold = 5
        dimensions  = { StateMachineArn = aws_sfn_state_machine.playbook.arn }
      }
      jobs-timed-out = {
        description = "A job took longer than an hour and was ended. Which of its runs took so long?"
        namespace   = "AWS/States", metric = "ExecutionsTimedOut", threshold = 1
        dimensions  = { StateMachineArn = aws_sfn_state_machine.playbook.arn }
      }
      jobs-closed = {
        description = "A job's execution stopped before it had written the job's end, so run_closer did: SaveResults failed, or the execution timed out or was lost. Its history says where it stopped."
        namespace   = "Runcast", metric = "JobsClosed", threshold = 1
        dimensions  = { FunctionName = local.function_names["run_closer"] }
      }
      job-failures-untold = {
        description = "EventBridge could not tell run_closer of a job that failed: it reads as lost until a sweep ends it. May the rule still invoke run_closer?"
        namespace   = "AWS/Events", metric = "FailedInvocations", threshold = 1
        dimensions  = { RuleName = aws_cloudwatch_event_rule.jobs_failed.name }
      }
      graphql-5xx = {
        description = "AppSync itself fails. Look at the AWS Health Dashboard, then at the API's log."
        namespace   = "AWS/AppSync", metric = "5XXError", threshold = 5
        dimensions  = { GraphQLAPIId = aws_appsync_graphql_api.runcast.id }
      }
      rest-5xx = {
        description = "The REST API answers 5xx. Look for errors in the log of api_handler; if it has none, it could not be invoked."
        namespace   = "AWS/ApiGateway", metric = "5XXError", threshold = 5
        dimensions  = { ApiName = aws_api_gateway_rest_api.rest_api.name, Stage = aws_api_gateway_stage.rest_api.stage_name }
      }
      table-write-throttles = {
        description = "DynamoDB throttles writes of AgentProgress: the table's or the account's limits are reached. Steps come late, then are lost."
        namespace   = "AWS/DynamoDB", metric = "WriteThrottleEvents", threshold = 10
        dimensions  = { TableName = aws_dynamodb_table.agent_progress.name }
      }
      table-read-throttles = {
        description = "DynamoDB throttles reads of AgentProgress: does a client poll without a pause?"
        namespace   = "AWS/DynamoDB", metric = "ReadThrottleEvents", threshold = 10
        dimensions  = { TableName = aws_dynamodb_table.agent_progress.name }
      }
      table-errors = {
        description = "DynamoDB fails to write to AgentProgress. Look at the AWS Health Dashboard; the recorder goes on trying."
        namespace   = "AWS/DynamoDB", metric = "SystemErrors", threshold = 10
        dimensions  = { TableName = aws_dynamodb_table.agent_progress.name, Operation = "UpdateItem" }
      }
    },
    # The functions behind GraphQL: AppSync answers 200 whatever becomes of them. Behind REST, rest-5xx tells. And those
    # behind events.
    {
      for name in ["progress_reader", "run_closer", "run_starter", "status_publisher"] : "${replace(name, "_", "-")}-errors" => {
        description = "${name} crashes or runs out of time. Its log says why."
        namespace   = "AWS/Lambda", metric = "Errors", threshold = 3
        dimensions  = { FunctionName = local.function_names[name] }
      }
    },
    {
      for name in ["progress_reader", "run_starter"] : "${replace(name, "_", "-")}-requests-failed" => {
        description = "${name} refuses requests for reasons that are ours. Each has an error or a warning in its log."
        namespace   = "Runcast", metric = "RequestsFailed", threshold = 5
        dimensions  = { FunctionName = local.function_names[name] }
      }
    },
    {
      for name, function_name in local.function_names : "${replace(name, "_", "-")}-throttles" => {
        description = "Lambda throttles ${name}: the account's concurrency is used up. Ask for a higher quota, or find out who uses it."
        namespace   = "AWS/Lambda", metric = "Throttles", threshold = 5
        dimensions  = { FunctionName = function_name }
      }
    },
    # Events that were taken but never processed: what waits too long behind throttles is dropped.
    {
      for name, threshold in { agent = 1, status_publisher = 10 } : "${replace(name, "_", "-")}-events-dropped" => {
        description                  = "Lambda dropped events of ${name} that had waited too long: ${name == "agent" ? "runs that never began; each is ended as an error" : "messages that nobody saw live"}. Look for throttles."
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
  # No runs, no metrics: that is no failure.
  treat_missing_data = "notBreaching"
  alarm_actions      = var.alarm_actions
  ok_actions         = var.alarm_actions

  tags = var.tags
}
