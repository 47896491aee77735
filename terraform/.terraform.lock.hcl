# This file is maintained automatically by "terraform init".
# Manual edits may be lost in future updates.

provider "registry.terraform.io/hashicorp/aws" {
  version     = "6.62.0"
  constraints = ">= 6.37.0, < 7.0.0"
  hashes = [
    "h1:ohx0r0UQIyWbHY5hCW5aAstSKfvSjtRbJU8f04uN4Mk=",
  ]
}
