# The REST API. Its paths, methods and authorizer are Chalice's export (local.rest_api_definition in chalice.tf.json);
# this file has the settings that Chalice cannot express.

locals {
  # API Gateway's own error responses, in the application's error format. `message` is JSON.
  gateway_refusals = {
    UNAUTHORIZED  = { status = "401", type = "Unauthorized", message = jsonencode(local.gateway_unauthorized) }
    EXPIRED_TOKEN = { status = "401", type = "Unauthorized", message = jsonencode(local.gateway_unauthorized) }

    # For requests that match no path and method below. The methods below accept only JSON, so the third can occur.
    MISSING_AUTHENTICATION_TOKEN = { status = "404", type = "NotFound", message = jsonencode(local.gateway_not_found) }
    INVALID_SIGNATURE            = { status = "404", type = "NotFound", message = jsonencode(local.gateway_not_found) }
    UNSUPPORTED_MEDIA_TYPE       = { status = "404", type = "NotFound", message = jsonencode(local.gateway_not_found) }

    REQUEST_TOO_LARGE   = { status = "413", type = "PayloadTooLarge", message = jsonencode("The body must be at most 512 KB.") }
    THROTTLED           = { status = "429", type = "TooManyRequests", message = jsonencode("There are too many requests. Try again in a moment.") }
    INTEGRATION_TIMEOUT = { status = "503", type = "Unavailable", message = jsonencode("The request took too long. Try again.") }

    DEFAULT_4XX = { type = "BadRequest", message = "$context.error.messageString" }
    DEFAULT_5XX = { type = "InternalFailure", message = jsonencode("The request failed on our side; the log has the reason.") }
  }
  gateway_unauthorized = "Send a valid ID token as the header Authorization: access tokens and expired ones are refused."
  gateway_not_found    = "There is no such path, or it has no such method."

  # These responses have one fixed CORS header. With several origins it is "*", which is safe because they contain no user
  # data.
  gateway_cors_headers = length(var.cors_origins) == 0 ? {} : {
    "gatewayresponse.header.Access-Control-Allow-Origin" = length(var.cors_origins) == 1 ? "'${var.cors_origins[0]}'" : "'*'"
  }

  # Answers paths and methods that the application does not have. Without it, API Gateway would parse the token as an AWS
  # signature and answer 403.
  not_found_method = {
    produces = ["application/json"]
    responses = {
      "404" = {
        description = "The path or the method does not exist."
        headers     = { for name in keys(local.not_found_cors_headers) : reverse(split(".", name))[0] => { type = "string" } }
      }
    }
    x-amazon-apigateway-integration = {
      type                = "mock"
      passthroughBehavior = "never"
      requestTemplates    = { "application/json" = jsonencode({ statusCode = 404 }) }
      responses = {
        default = {
          statusCode         = "404"
          responseParameters = local.not_found_cors_headers
          responseTemplates = {
            "application/json" = jsonencode({ error = { type = "NotFound", message = local.gateway_not_found } })
          }
        }
      }
    }
  }
  not_found_cors_headers = { for name, value in local.gateway_cors_headers : replace(name, "gatewayresponse", "method.response") => value }

  # API Gateway's authorizer would refuse the tokens of an OpenID Connect provider, so with one the function has AppSync
  # verify all tokens. (checkov cannot read a comment in the expression.)
  rest_api_paths = {
    for path in distinct(concat(["/", "/{proxy+}"], keys(local.rest_api_definition.paths))) :
    path => merge({ x-amazon-apigateway-any-method = local.not_found_method }, {
      for method, operation in try(local.rest_api_definition.paths[path], {}) :
      method => { for key, value in operation : key => value if key != "security" || local.oidc == "" }
    })
  }

  gateway_responses = {
    for kind, refusal in local.gateway_refusals : kind => merge(try({ statusCode = refusal.status }, {}), {
      responseParameters = local.gateway_cors_headers
      responseTemplates = {
        "application/json" = "{\"error\": {\"type\": \"${refusal.type}\", \"message\": ${refusal.message}}}"
      }
    })
  }
}

resource "aws_api_gateway_rest_api" "rest_api" {
  name        = "${var.name_prefix}runcast"
  description = "Starts, reads, answers and cancels runs of agents."
  body = jsonencode(merge(local.rest_api_definition, {
    paths                                 = local.rest_api_paths
    x-amazon-apigateway-gateway-responses = local.gateway_responses
  }))

  endpoint_configuration {
    types = ["REGIONAL"]
  }

  tags = var.tags

  lifecycle {
    create_before_destroy = true
  }
}

# A deployment is a snapshot of the API, so each change of the definition needs a new one.
resource "aws_api_gateway_deployment" "rest_api" {
  rest_api_id = aws_api_gateway_rest_api.rest_api.id

  triggers = {
    definition = sha1(aws_api_gateway_rest_api.rest_api.body)
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_api_gateway_stage" "rest_api" {
  #checkov:skip=CKV2_AWS_77:The company writes the rules of its web ACL, which web_acl_arn names. No function runs Java.
  #checkov:skip=CKV_AWS_120:Answers are private and change at each step, so they must not be cached.
  #checkov:skip=CKV2_AWS_51:A client certificate is for HTTP backends; this backend is Lambda, invoked by IAM.
  #checkov:skip=CKV2_AWS_4:Execution logs contain bodies with users' queries and agents' answers; access logs do not.

  rest_api_id          = aws_api_gateway_rest_api.rest_api.id
  deployment_id        = aws_api_gateway_deployment.rest_api.id
  stage_name           = "v1"
  xray_tracing_enabled = true

  dynamic "access_log_settings" {
    for_each = aws_cloudwatch_log_group.rest_api[*].arn

    content {
      destination_arn = access_log_settings.value
      # The caller, the request and the outcome, without headers (and so without tokens) and without bodies.
      format = jsonencode({
        requestId         = "$context.requestId"
        requestTime       = "$context.requestTime"
        httpMethod        = "$context.httpMethod"
        path              = "$context.path"
        status            = "$context.status"
        responseLength    = "$context.responseLength"
        responseLatencyMs = "$context.responseLatency"
        sourceIp          = "$context.identity.sourceIp"
        userId            = "$context.authorizer.claims.sub"
        error             = "$context.error.message"
        integrationError  = "$context.integrationErrorMessage"
      })
    }
  }

  tags = var.tags

  depends_on = [aws_api_gateway_account.logs]
}

# Applies to all methods, including those without a token.
resource "aws_api_gateway_method_settings" "throttling" {
  #checkov:skip=CKV_AWS_225:Answers are private and change at each step, so they must not be cached.

  count = var.rest_throttling == null ? 0 : 1

  rest_api_id = aws_api_gateway_rest_api.rest_api.id
  stage_name  = aws_api_gateway_stage.rest_api.stage_name
  method_path = "*/*"

  settings {
    throttling_rate_limit  = var.rest_throttling.rate
    throttling_burst_limit = var.rest_throttling.burst
  }
}

resource "aws_wafv2_web_acl_association" "api" {
  for_each = var.web_acl_arn == null ? {} : {
    graphql = aws_appsync_graphql_api.runcast.arn
    rest    = aws_api_gateway_stage.rest_api.arn
  }

  resource_arn = each.value
  web_acl_arn  = var.web_acl_arn

  lifecycle {
    precondition {
      condition     = split(":", var.web_acl_arn)[3] == local.region
      error_message = "web_acl_arn must be in ${local.region}."
    }
  }
}

# There is one for each account and region, so it is opt in: see the variable.
resource "aws_api_gateway_account" "logs" {
  count = var.enable_api_gateway_account ? 1 : 0

  cloudwatch_role_arn = aws_iam_role.gateway_logs[0].arn

  # API Gateway tests the role when it is set.
  depends_on = [aws_iam_role_policy_attachment.gateway_logs]
}

resource "aws_lambda_permission" "rest_api" {
  statement_id  = "rest-api"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.api_handler.function_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_api_gateway_rest_api.rest_api.execution_arn}/${aws_api_gateway_stage.rest_api.stage_name}/*"
}
