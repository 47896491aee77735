environment         = "dev"
region              = "eu-central-1"
account_id          = "111111111111"
owner               = "platform-team"
cors_origins        = ["http://localhost:5173"]
deletion_protection = false
log_retention_days  = 7
