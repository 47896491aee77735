environment         = "prod"
region              = "eu-central-1"
account_id          = "222222222222"
owner               = "platform-team"
cors_origins        = ["https://app.example.com"]
deletion_protection = true
log_retention_days  = 365
