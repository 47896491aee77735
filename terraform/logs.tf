# Chalice cannot make log groups in its Terraform export, and without these Lambda would keep its logs for ever.
resource "aws_cloudwatch_log_group" "function" {
  #checkov:skip=CKV_AWS_338:How long logs are kept is log_retention_days; a year of what users ask is much by default.

  for_each = local.function_names

  name              = "/aws/lambda/${each.value}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn

  tags = var.tags
}

# AppSync fixes this name, which holds the API's id.
resource "aws_cloudwatch_log_group" "api" {
  #checkov:skip=CKV_AWS_338:How long logs are kept is log_retention_days; a year of what users ask is much by default.

  name              = "/aws/appsync/apis/${aws_appsync_graphql_api.runcast.id}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn

  tags = var.tags
}

# The first part of the name is AWS's advice: all groups so named need one resource policy, which may not grow.
# Source: https://docs.aws.amazon.com/step-functions/latest/dg/bp-cwl.html
resource "aws_cloudwatch_log_group" "playbook" {
  #checkov:skip=CKV_AWS_338:How long logs are kept is log_retention_days; a year of what users ask is much by default.

  name              = "/aws/vendedlogs/states/${local.state_machine_name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn

  tags = var.tags
}

resource "aws_cloudwatch_log_group" "rest_api" {
  count = var.enable_api_gateway_account ? 1 : 0

  name              = "/aws/apigateway/${var.name_prefix}runcast"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn

  tags = var.tags
}
