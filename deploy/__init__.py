"""The commands behind `make plan`, `make deploy` and `make destroy`: they run Terraform on AWS, after some checks."""
