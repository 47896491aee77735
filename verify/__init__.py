"""The command `make verify`: proves a deployment from outside, with Terraform's outputs and AWS credentials alone."""
