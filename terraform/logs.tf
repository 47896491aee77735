# Chalice cannot make log groups in its Terraform export, and without these Lambda would keep its logs for ever.
resource "aws_cloudwatch_log_group" "function" {
  for_each = local.function_names

  name              = "/aws/lambda/${each.value}"
  retention_in_days = var.log_retention_days

  tags = var.tags
}

# AppSync fixes this name, which holds the API's id.
resource "aws_cloudwatch_log_group" "api" {
  name              = "/aws/appsync/apis/${aws_appsync_graphql_api.runcast.id}"
  retention_in_days = var.log_retention_days

  tags = var.tags
}
