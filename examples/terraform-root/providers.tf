# Credentials come from the environment (AWS_PROFILE or the like); any account but this environment's is refused.
provider "aws" {
  region              = var.region
  allowed_account_ids = [var.account_id]
}
