# A dashboard that shows whether runs and jobs succeed, whether their records are complete, whether users see them live,
# and what fails. It has at most 50 metrics, the limit of an account's three free dashboards, so it shows a function only
# if no other graph has its numbers.

locals {
  agent_dimension     = ["FunctionName", local.function_names["agent"]]
  publisher_dimension = ["FunctionName", local.function_names["status_publisher"]]
  jobs_dimension      = ["StateMachineArn", aws_sfn_state_machine.playbook.arn]
  table_dimension     = ["TableName", aws_dynamodb_table.agent_progress.name]
  graphql_dimension   = ["GraphQLAPIId", aws_appsync_graphql_api.runcast.id]
  rest_dimension      = ["ApiName", aws_api_gateway_rest_api.rest_api.name, "Stage", aws_api_gateway_stage.rest_api.stage_name]

  # The title and lines of each graph, three in a row. A line is a metric's namespace, name, dimensions and style.
  dashboard_graphs = [
    {
      title = "Runs by status"
      lines = [
        for metric in ["RunsCompleted", "RunsFailed", "RunsCancelled", "RunsWaiting", "RunsDegraded"] :
        concat(["Runcast", metric], local.agent_dimension, [{ stat = "Sum" }])
      ]
    },
    {
      title = "Duration of runs (ms)"
      lines = [
        for stat in ["p50", "p95"] :
        concat(["Runcast", "RunDuration"], local.agent_dimension, [{ stat = stat, label = stat }])
      ]
    },
    {
      title = "Steps: recorded, lost, not sent live"
      lines = [
        for metric in ["StepsRecorded", "StepsLost", "StepsUnsent"] :
        concat(["Runcast", metric], local.agent_dimension, [{ stat = "Sum" }])
      ]
    },
    {
      title = "Jobs by status"
      lines = [
        for metric in ["ExecutionsStarted", "ExecutionsSucceeded", "ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"] :
        concat(["AWS/States", metric], local.jobs_dimension, [{ stat = "Sum", label = lower(trimprefix(metric, "Executions")) }])
      ]
    },
    {
      title = "Duration of jobs (ms)"
      lines = [
        for stat in ["p50", "p95"] :
        concat(["AWS/States", "ExecutionTime"], local.jobs_dimension, [{ stat = stat, label = stat }])
      ]
    },
    {
      title = "Live messages: sent, unwatched, failed"
      lines = [
        for metric in ["MessagesPublished", "MessagesUnwatched", "PublishFailures"] :
        concat(["Runcast", metric], local.publisher_dimension, [{ stat = "Sum" }])
      ]
    },
    {
      title = "Live delivery: connections, and messages to them"
      lines = [
        for metric, stat in { ActiveConnections = "Maximum", ConnectServerError = "Sum", PublishDataMessageSuccess = "Sum" } :
        concat(["AWS/AppSync", metric], local.graphql_dimension, [{ stat = stat }])
      ]
    },
    {
      title = "GraphQL and REST: latency p95 (ms)"
      lines = [
        concat(["AWS/AppSync", "Latency"], local.graphql_dimension, [{ stat = "p95", label = "GraphQL" }]),
        concat(["AWS/ApiGateway", "Latency"], local.rest_dimension, [{ stat = "p95", label = "REST" }]),
      ]
    },
    {
      title = "GraphQL and REST: failures"
      lines = concat(
        [
          concat(["AWS/AppSync", "5XXError"], local.graphql_dimension, [{ stat = "Sum", label = "GraphQL 5xx" }]),
          concat(["AWS/ApiGateway", "5XXError"], local.rest_dimension, [{ stat = "Sum", label = "REST 5xx" }]),
        ],
        [
          for name in ["progress_reader", "run_starter"] :
          ["Runcast", "RequestsFailed", "FunctionName", local.function_names[name], { stat = "Sum", label = "${name}: our fault" }]
        ],
      )
    },
    {
      title = "Functions: errors, and the account's throttles"
      lines = concat(
        [
          for name, function_name in local.function_names :
          ["AWS/Lambda", "Errors", "FunctionName", function_name, { stat = "Sum", label = "${name}: errors" }]
        ],
        [["AWS/Lambda", "Throttles", { stat = "Sum", label = "all of the account: throttles" }]],
      )
    },
    {
      title = "API functions: duration p95 (ms)"
      lines = [
        for name in ["api_handler", "progress_reader", "run_starter", "status_publisher"] :
        ["AWS/Lambda", "Duration", "FunctionName", local.function_names[name], { stat = "p95", label = name }]
      ]
    },
    {
      title = "Functions: concurrency"
      lines = concat(
        [
          for name in ["agent", "orchestrator", "status_publisher"] :
          ["AWS/Lambda", "ConcurrentExecutions", "FunctionName", local.function_names[name], { stat = "Maximum", label = name }]
        ],
        [["AWS/Lambda", "ConcurrentExecutions", { stat = "Maximum", label = "all of the account" }]],
      )
    },
    {
      title = "AgentProgress: consumed capacity"
      lines = [
        for metric in ["ConsumedWriteCapacityUnits", "ConsumedReadCapacityUnits"] :
        concat(["AWS/DynamoDB", metric], local.table_dimension, [{ stat = "Sum" }])
      ]
    },
    {
      title = "AgentProgress: throttles and errors"
      lines = concat(
        [
          for metric in ["WriteThrottleEvents", "ReadThrottleEvents"] :
          concat(["AWS/DynamoDB", metric], local.table_dimension, [{ stat = "Sum" }])
        ],
        [concat(["AWS/DynamoDB", "SystemErrors"], local.table_dimension, ["Operation", "UpdateItem", { stat = "Sum" }])],
      )
    },
  ]
}

resource "aws_cloudwatch_dashboard" "runcast" {
  count = var.enable_dashboard ? 1 : 0

  # Dashboard names are global within an account. With the region in them, two regions can use the same prefix.
  dashboard_name = "${var.name_prefix}runcast-${local.region}"
  dashboard_body = jsonencode({
    widgets = [
      for index, graph in local.dashboard_graphs : {
        type   = "metric"
        x      = index % 3 * 8
        y      = floor(index / 3) * 6
        width  = 8
        height = 6
        properties = {
          title   = graph.title
          region  = local.region
          view    = "timeSeries"
          stacked = false
          period  = 300
          metrics = graph.lines
        }
      }
    ]
  })
}
