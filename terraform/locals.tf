data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

# Evaluated first, so checks across variables live here and not in the variables' validations: a Terraform before 1.9
# rejects a validation that refers to other values as a mistake, instead of saying that its version is too old.
data "aws_region" "current" {
  lifecycle {
    precondition {
      condition     = (var.cognito_user_pool_id == null) == (var.cognito_user_pool_client_id == null)
      error_message = "cognito_user_pool_id and cognito_user_pool_client_id must be set together."
    }

    precondition {
      condition     = (var.oidc_issuer == null) == (var.oidc_audience == null)
      error_message = "oidc_issuer and oidc_audience must be set together."
    }

    precondition {
      condition     = var.oidc_issuer != null || var.oidc_tenant_id_claim == null
      error_message = "oidc_tenant_id_claim requires oidc_issuer."
    }

    precondition {
      condition     = var.cognito_user_pool_id == null || !endswith(coalesce(var.oidc_issuer, "-"), "/${coalesce(var.cognito_user_pool_id, "-")}")
      error_message = "oidc_issuer must not be the user pool: its users sign in already."
    }

    precondition {
      condition     = var.job_timeout_minutes <= var.retention_hours * 60 - 30
      error_message = "job_timeout_minutes must be at least 30 minutes less than retention_hours."
    }

    precondition {
      condition     = var.enable_api_key || !var.api_key_may_start
      error_message = "api_key_may_start requires enable_api_key."
    }

    precondition {
      condition     = var.lambda_architecture == local.packaged_architecture
      error_message = "deployment.zip was packaged for ${local.packaged_architecture}: run make package ARCHITECTURE=${var.lambda_architecture}, or set lambda_architecture = \"${local.packaged_architecture}\"."
    }

    precondition {
      condition     = var.lambda_runtime == local.packaged_runtime
      error_message = "deployment.zip was packaged for ${local.packaged_runtime}: run make package RUNTIME=${var.lambda_runtime}, or set lambda_runtime = \"${local.packaged_runtime}\"."
    }

    precondition {
      condition     = length(local.taken_variables) == 0
      error_message = "agent.environment and agent.secrets must not set the module's own variables: ${join(", ", local.taken_variables)}."
    }
  }
}

locals {
  taken_variables = setintersection(local.agent_environment_names, concat(keys(var.agent.environment), keys(var.agent.secrets)))

  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition
  region     = data.aws_region.current.region

  # Named here rather than read from the functions, because a function's log group and role are created before it.
  function_names = {
    for name, ending in {
      agent            = "agent"
      api_handler      = "api" # Chalice fixes the first name.
      orchestrator     = "orchestrator"
      progress_reader  = "progress-reader"
      run_closer       = "run-closer"
      run_starter      = "run-starter"
      status_publisher = "status-publisher"
    } : name => "${var.name_prefix}runcast-${ending}"
  }
}

locals {
  # Where a frontend sends requests: GraphQL over HTTP and WebSockets, Cognito, and the links to large results.
  frontend_origins = [for url in [
    aws_appsync_graphql_api.runcast.uris["GRAPHQL"],
    aws_appsync_graphql_api.runcast.uris["REALTIME"],
    local.user_pool_endpoint,
    "https://${aws_s3_bucket.results.bucket_regional_domain_name}/",
  ] : regex("^\\w+://[^/]+", url)]

  user_pool_endpoint = "https://cognito-idp.${local.user_pool_region}.${data.aws_partition.current.dns_suffix}/"
}
