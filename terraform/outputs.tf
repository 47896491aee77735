output "graphql_url" {
  description = "Where clients send queries and mutations."
  value       = aws_appsync_graphql_api.runcast.uris["GRAPHQL"]
}

output "realtime_url" {
  description = "Where clients open the WebSocket for subscriptions."
  value       = aws_appsync_graphql_api.runcast.uris["REALTIME"]
}

output "rest_url" {
  description = "Where clients send REST requests: the paths begin behind it."
  value       = aws_api_gateway_stage.rest_api.invoke_url
}

output "graphql_api_id" {
  description = "The id of the GraphQL API."
  value       = aws_appsync_graphql_api.runcast.id
}

output "region" {
  description = "The region everything is in."
  value       = local.region
}

output "user_pool_id" {
  description = "The user pool that clients sign in to."
  value       = local.user_pool_id
}

output "user_pool_client_id" {
  description = "The client of the user pool that frontends sign in with."
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
  description = "The table that holds the record of each run."
  value       = aws_dynamodb_table.agent_progress.name
}

output "user_sessions_table_name" {
  description = "The table that holds who has subscribed lately."
  value       = aws_dynamodb_table.user_sessions.name
}

output "agent_function_name" {
  description = "The Lambda that runs the agents."
  value       = aws_lambda_function.agent.function_name
}

output "status_publisher_function_name" {
  description = "The Lambda that publishes status messages to subscribers."
  value       = aws_lambda_function.status_publisher.function_name
}

output "progress_reader_function_name" {
  description = "The Lambda that answers getAgentProgress."
  value       = aws_lambda_function.progress_reader.function_name
}

output "run_starter_function_name" {
  description = "The Lambda that answers startAgentRun."
  value       = aws_lambda_function.run_starter.function_name
}

output "rest_api_function_name" {
  description = "The Lambda that answers the REST API."
  value       = aws_lambda_function.api_handler.function_name
}

output "orchestrator_function_name" {
  description = "The Lambda that does the work of each state of a job."
  value       = aws_lambda_function.orchestrator.function_name
}

output "state_machine_arn" {
  description = "The state machine whose executions are the jobs."
  value       = aws_sfn_state_machine.playbook.arn
}

output "results_bucket_name" {
  description = "The bucket that holds the results of jobs that are too large for their record."
  value       = aws_s3_bucket.results.bucket
}

output "recorder_policy_json" {
  description = "What the role of a function or process of your own must be allowed so that its agents are recorded and seen live: an IAM policy document."
  value       = data.aws_iam_policy_document.recorder.json
}

output "recorder_environment" {
  description = "The environment variables that such a function or process needs."
  value = {
    AGENT_PROGRESS_TABLE      = aws_dynamodb_table.agent_progress.name
    RETENTION_HOURS           = tostring(var.retention_hours)
    RUN_CLOSER_FUNCTION       = aws_lambda_function.run_closer.function_name
    STATUS_PUBLISHER_FUNCTION = aws_lambda_function.status_publisher.function_name
  }
}

output "deployment_sha256" {
  description = "The SHA-256 of deployment.zip in Base64. AWS reports the same text as CodeSha256 of each function."
  value       = filebase64sha256("${path.module}/deployment.zip")
}

output "run_closer_function_arn" {
  description = "Where a function of your own should send the events that it failed to take (on_failure), so that their runs are ended at once."
  value       = aws_lambda_function.run_closer.arn
}

output "api_key" {
  description = "The API key, or null while enable_api_key is false."
  value       = one(aws_appsync_api_key.public[*].key)
  sensitive   = true
}
