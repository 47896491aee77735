"""The commands behind `make plan`, `make deploy` and `make destroy`: Terraform on AWS, questions asked first."""
