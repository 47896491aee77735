# Settings of the Lambda that runs these agents. All are optional; remove the # of those that you need.
agent = {
  # environment          = { CURRENCY = "EUR" }
  # secrets              = { PRICES_KEY = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prices-AbCdEf" }
  # memory_mb            = 768
  # timeout_seconds      = 900
  # ephemeral_storage_mb = 512
  #
  # policy_json = <<-JSON
  #   {
  #     "Version": "2012-10-17",
  #     "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::my-prices/*"}]
  #   }
  # JSON
}
