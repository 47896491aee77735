"""The command `make verify`: checks a deployment from outside, with only Terraform's outputs and AWS credentials."""
