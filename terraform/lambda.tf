# The functions themselves are Chalice's export, chalice.tf.json; here is what Chalice cannot say about them.

# A run is started once: a second attempt would find it claimed. What waited longer than two minutes is not wanted any more.
resource "aws_lambda_function_event_invoke_config" "agent" {
  function_name                = aws_lambda_function.agent.function_name
  maximum_event_age_in_seconds = 120
  maximum_retry_attempts       = 0
}

# A status message is worth sending for a minute; the record holds it in any case.
resource "aws_lambda_function_event_invoke_config" "status_publisher" {
  function_name                = aws_lambda_function.status_publisher.function_name
  maximum_event_age_in_seconds = 60
  maximum_retry_attempts       = 0
}
