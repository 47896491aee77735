# Chalice's export contains no log groups, and without them Lambda would keep its logs forever.
resource "aws_cloudwatch_log_group" "function" {
  #checkov:skip=CKV_AWS_338:log_retention_days decides; a year of users' queries is too long as a default.

  for_each = local.function_names

  name              = "/aws/lambda/${each.value}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn

  tags = var.tags
}

# AppSync prescribes this name, which contains the API's id.
resource "aws_cloudwatch_log_group" "api" {
  #checkov:skip=CKV_AWS_338:log_retention_days decides; a year of users' queries is too long as a default.

  name              = "/aws/appsync/apis/${aws_appsync_graphql_api.runcast.id}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn

  tags = var.tags
}

# AWS recommends this prefix: all log groups with it share one resource policy, whose size is limited.
# Source: https://docs.aws.amazon.com/step-functions/latest/dg/bp-cwl.html
resource "aws_cloudwatch_log_group" "playbook" {
  #checkov:skip=CKV_AWS_338:log_retention_days decides; a year of users' queries is too long as a default.

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
