# No provider and no backend block: the module is applied as it stands, with the provider configured from the
# environment, or called from a root that configures both.
terraform {
  required_version = ">= 1.9, < 2"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.37, < 7"
    }
  }
}
