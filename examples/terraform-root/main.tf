# A root of your own around the module: one directory, one state for each environment. Copy it and make it yours.

terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.37, < 7"
    }
  }

  # Where each environment's state is: dev.s3.tfbackend, prod.s3.tfbackend.
  backend "s3" {}
}

module "runcast" {
  source = "../../terraform"

  name_prefix         = "${var.environment}-"
  tags                = { environment = var.environment, owner = var.owner }
  cors_origins        = var.cors_origins
  deletion_protection = var.deletion_protection
  log_retention_days  = var.log_retention_days
  agent               = var.agent
}
