# The module has no provider and no backend block: apply it directly with the provider configured from the environment,
# or call it from a root module that configures both.
terraform {
  required_version = ">= 1.9, < 2"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.37, < 7"
    }
  }
}
