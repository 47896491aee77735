locals {
  # The OpenID Connect provider as JSON, for the environment of the functions and for the resolvers; empty without one.
  oidc = var.oidc_issuer == null ? "" : jsonencode({
    issuer        = var.oidc_issuer
    audience      = var.oidc_audience
    tenantIdClaim = var.oidc_tenant_id_claim
  })

  # AppSync may refuse a schema that names an authorization type which the API does not have.
  absent_directives = compact([var.enable_api_key ? "" : "api_key", var.oidc_issuer == null ? "oidc" : ""])

  # The schema without its comments and descriptions, which are on separate lines: AppSync's parser treats comments as
  # descriptions and fails on some of both.
  # Source: https://github.com/aws-amplify/amplify-category-api/issues/173
  schema = replace(file("${path.module}/../graphql/schema.graphql"), "/(?m)^\\s*(?:#|\"\"\").*\n/", "")

  # The Lambda that answers each field; function.js calls all of them.
  field_functions = {
    "Mutation.answerAgentRun"     = "run_starter"
    "Mutation.cancelAgentRun"     = "run_starter"
    "Mutation.createUpload"       = "run_starter"
    "Mutation.deleteConversation" = "run_starter"
    "Mutation.deleteMyRuns"       = "run_starter"
    "Mutation.operatorCancelRun"  = "run_starter"
    "Mutation.operatorDeleteRuns" = "run_starter"
    "Mutation.startAgentRun"      = "run_starter"
    "Mutation.startJob"           = "run_starter"
    "Query.getAgentProgress"      = "progress_reader"
    "Query.getConversation"       = "progress_reader"
    "Query.listAgentRuns"         = "progress_reader"
    "Query.listAgents"            = "progress_reader"
    "Query.listConversations"     = "progress_reader"
    "Query.operatorGetProgress"   = "progress_reader"
    "Query.operatorListRuns"      = "progress_reader"
  }

  resolvers = merge(
    {
      for field, function in local.field_functions :
      field => { data_source = aws_appsync_datasource.function[function].name, file = "function.js" }
    },
    {
      "Mutation.publishStatus" = {
        data_source = aws_appsync_datasource.none.name
        file        = "Mutation.publishStatus.js"
      }
      "Query.me" = {
        data_source = aws_appsync_datasource.none.name
        file        = "Query.me.js"
      }
      "Subscription.onStatusUpdate" = {
        data_source = aws_appsync_datasource.user_sessions.name
        file        = "Subscription.onStatusUpdate.js"
      }
    },
  )
}

resource "aws_appsync_graphql_api" "runcast" {
  #checkov:skip=CKV2_AWS_78:The company writes the rules of its web ACL, which web_acl_arn names. No function runs Java.

  name                = "${var.name_prefix}runcast"
  authentication_type = "AMAZON_COGNITO_USER_POOLS"
  schema              = replace(local.schema, "/ @aws_(${join("|", concat(local.absent_directives, ["none"]))})\\b/", "")

  # The schema is published with the code, so clients do not need introspection.
  introspection_config = "DISABLED"
  # The deepest document, getAgentProgress, has three levels.
  query_depth_limit = 5
  # The publisher sends up to 50 mutations of 11 fields in one request. Each mutation counts, and its fields may.
  resolver_count_limit = 1000
  xray_enabled         = true

  user_pool_config {
    user_pool_id        = local.user_pool_id
    aws_region          = local.user_pool_region
    app_id_client_regex = "^${local.user_pool_client_id}$"
    default_action      = "ALLOW"
  }

  additional_authentication_provider {
    authentication_type = "AWS_IAM"
  }

  dynamic "additional_authentication_provider" {
    for_each = var.enable_api_key ? ["API_KEY"] : []

    content {
      authentication_type = additional_authentication_provider.value
    }
  }

  # Tokens must come from this issuer, be signed with one of the keys that its discovery document names, and have the
  # audience in the claim aud or azp. The resolvers and functions then require it in aud.
  # Source: https://docs.aws.amazon.com/appsync/latest/devguide/security-authz.html#openid-connect-authorization
  dynamic "additional_authentication_provider" {
    for_each = var.oidc_issuer[*]

    content {
      authentication_type = "OPENID_CONNECT"

      openid_connect_config {
        issuer    = additional_authentication_provider.value
        client_id = "^${replace(coalesce(var.oidc_audience, "-"), "/[.+]/", "[$0]")}$"
      }
    }
  }

  log_config {
    cloudwatch_logs_role_arn = aws_iam_role.api_logs.arn
    field_log_level          = var.log_level
    # Verbose content would log arguments and results: users' queries and agents' answers.
    exclude_verbose_content = true
  }

  tags = var.tags

  depends_on = [aws_iam_service_linked_role.appsync]
}

# With X-Ray enabled, AppSync creates this role during the call that creates the API, and that call may fail once.
# Source: https://github.com/aws/aws-cdk/issues/16598
resource "aws_iam_service_linked_role" "appsync" {
  count = var.create_appsync_service_linked_role ? 1 : 0

  aws_service_name = "appsync.amazonaws.com"
  tags             = var.tags
}

resource "aws_appsync_api_key" "public" {
  count = var.enable_api_key ? 1 : 0

  api_id      = aws_appsync_graphql_api.runcast.id
  description = "Callers who are not signed in."
  # The longest lifetime that AppSync allows, in whole hours because AppSync rounds it. `terraform apply -replace` creates
  # a new key.
  expires = formatdate("YYYY-MM-DD'T'hh:00:00Z", timeadd(plantimestamp(), "8760h"))

  lifecycle {
    # Otherwise each plan would extend the key to a year from that day.
    ignore_changes = [expires]
  }
}

resource "aws_appsync_datasource" "function" {
  for_each = {
    progress_reader = aws_lambda_function.progress_reader.arn
    run_starter     = aws_lambda_function.run_starter.arn
  }

  api_id           = aws_appsync_graphql_api.runcast.id
  name             = each.key
  type             = "AWS_LAMBDA"
  service_role_arn = aws_iam_role.data_source[each.key].arn

  lambda_config {
    function_arn = each.value
  }
}

resource "aws_appsync_datasource" "user_sessions" {
  api_id           = aws_appsync_graphql_api.runcast.id
  name             = "user_sessions"
  type             = "AMAZON_DYNAMODB"
  service_role_arn = aws_iam_role.data_source["user_sessions"].arn

  dynamodb_config {
    table_name = aws_dynamodb_table.user_sessions.name
    region     = local.region
  }
}

resource "aws_appsync_datasource" "none" {
  api_id = aws_appsync_graphql_api.runcast.id
  name   = "none"
  type   = "NONE"
}

resource "aws_appsync_resolver" "field" {
  for_each = local.resolvers

  api_id      = aws_appsync_graphql_api.runcast.id
  type        = split(".", each.key)[0]
  field       = split(".", each.key)[1]
  kind        = "UNIT"
  data_source = each.value.data_source
  # Resolvers cannot read variables: their settings are written into their constants.
  code = replace(
    replace(
      replace(
        file("${path.module}/../graphql/resolvers/${each.value.file}"),
        "const USER_ID_CLAIM = 'sub';",
        "const USER_ID_CLAIM = '${var.user_id_claim}';",
      ),
      "const TENANT_ID_CLAIM = 'custom:tenantId';",
      "const TENANT_ID_CLAIM = '${var.tenant_id_claim}';",
    ),
    "const OIDC = null;",
    "const OIDC = ${local.oidc == "" ? "null" : local.oidc};",
  )

  runtime {
    name            = "APPSYNC_JS"
    runtime_version = "1.0.0"
  }
}
