output "graphql_url" {
  description = "The URL for GraphQL queries and mutations."
  value       = aws_appsync_graphql_api.runcast.uris["GRAPHQL"]
}

output "realtime_url" {
  description = "The WebSocket URL for GraphQL subscriptions."
  value       = aws_appsync_graphql_api.runcast.uris["REALTIME"]
}

output "rest_url" {
  description = "The base URL of the REST API."
  value       = aws_api_gateway_stage.rest_api.invoke_url
}

output "frontend_config" {
  description = "The configuration of a frontend, which createRuncast and Amplify.configure accept as it is. It has no secrets."
  value = {
    Auth = {
      Cognito = {
        userPoolId       = local.user_pool_id
        userPoolClientId = local.user_pool_client_id
        userPoolEndpoint = local.user_pool_endpoint
      }
    }
    API = {
      GraphQL = {
        endpoint        = aws_appsync_graphql_api.runcast.uris["GRAPHQL"]
        region          = local.region
        defaultAuthMode = "userPool"
      }
    }
    runcast = {
      realtimeUrl = aws_appsync_graphql_api.runcast.uris["REALTIME"]
      restUrl     = aws_api_gateway_stage.rest_api.invoke_url
      userIdClaim = var.user_id_claim
    }
  }
}

output "content_security_policy" {
  description = "The header Content-Security-Policy of the console: its own files, and requests to this deployment only."
  value = join("; ", [
    "default-src 'self'",
    "connect-src 'self' ${join(" ", local.frontend_origins)}",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "object-src 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ])
}

output "graphql_api_id" {
  description = "The id of the GraphQL API."
  value       = aws_appsync_graphql_api.runcast.id
}

output "region" {
  description = "The AWS region of all resources."
  value       = local.region
}

output "user_pool_id" {
  description = "The user pool that clients sign in to."
  value       = local.user_pool_id
}

output "user_pool_client_id" {
  description = "The user pool client with which frontends sign in."
  value       = local.user_pool_client_id
}

output "user_id_claim" {
  description = "The claim of the ID token that names the user."
  value       = var.user_id_claim
}

output "tenant_id_claim" {
  description = "The claim of the ID token that names the tenant."
  value       = var.tenant_id_claim
}

output "agent_progress_table_name" {
  description = "The table with the record of each run."
  value       = aws_dynamodb_table.agent_progress.name
}

output "user_sessions_table_name" {
  description = "The table with the sessions of recent subscribers."
  value       = aws_dynamodb_table.user_sessions.name
}

output "agent_function_name" {
  description = "The Lambda that runs the agents."
  value       = aws_lambda_function.agent.function_name
}

output "agent_role_name" {
  description = "The name of the role of the Lambda that runs the packaged agents, for further policies."
  value       = aws_iam_role.function["agent"].name
}

output "status_publisher_function_name" {
  description = "The Lambda that publishes status messages to subscribers."
  value       = aws_lambda_function.status_publisher.function_name
}

output "progress_reader_function_name" {
  description = "The Lambda that answers the GraphQL queries."
  value       = aws_lambda_function.progress_reader.function_name
}

output "run_starter_function_name" {
  description = "The Lambda that answers the GraphQL mutations of clients."
  value       = aws_lambda_function.run_starter.function_name
}

output "rest_api_function_name" {
  description = "The Lambda that answers the REST API."
  value       = aws_lambda_function.api_handler.function_name
}

output "orchestrator_function_name" {
  description = "The Lambda that executes the states of a job."
  value       = aws_lambda_function.orchestrator.function_name
}

output "state_machine_arn" {
  description = "The state machine that runs the jobs."
  value       = aws_sfn_state_machine.playbook.arn
}

output "results_bucket_name" {
  description = "The private bucket, for the inputs of runs and jobs, and for job results that are too large for their record."
  value       = aws_s3_bucket.results.bucket
}

output "recorder_policy_json" {
  description = "An IAM policy document with the permissions that the role of your own function or process needs to call track."
  value       = data.aws_iam_policy_document.recorder.json
}

output "operator_policy_json" {
  description = "An IAM policy document for people who may list, read, cancel and delete the runs of all users with `runcast … --operator`."
  value       = data.aws_iam_policy_document.operator.json
}

output "recorder_environment" {
  description = "The environment variables that your own function or process needs to call track."
  value = {
    AGENT_PROGRESS_TABLE      = aws_dynamodb_table.agent_progress.name
    QUESTION_RETENTION_HOURS  = tostring(var.question_retention_hours)
    RESULTS_BUCKET            = aws_s3_bucket.results.bucket
    RETENTION_HOURS           = tostring(var.retention_hours)
    RUN_CLOSER_FUNCTION       = local.function_names["run_closer"]
    STATUS_PUBLISHER_FUNCTION = aws_lambda_function.status_publisher.function_name
  }
}

output "deployment_sha256" {
  description = "The SHA-256 of deployment.zip in Base64. AWS reports the same text as CodeSha256 of each function."
  value       = filebase64sha256("${path.module}/deployment.zip")
}

output "run_closer_function_arn" {
  description = "The on_failure destination for your own function's asynchronous invocations. It ends the runs of failed invocations at once."
  value       = aws_lambda_function.run_closer.arn
}

output "api_key" {
  description = "The API key, or null while enable_api_key is false."
  value       = one(aws_appsync_api_key.public[*].key)
  sensitive   = true
}
