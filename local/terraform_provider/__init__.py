"""A small Terraform provider that answers as hashicorp/aws on one machine: the Terraform that deploys runs there too.

It speaks Terraform's plugin protocol 6 (by the package `tf`) and keeps its resources with boto3 in an emulator on a
loopback address. It plans, creates, reads back, updates and destroys the resource types listed in `table/`, and refuses
every argument that it does not support. Reading order: `entry` (how a type is described), `table/` (the types),
`fields` (schema and description joined), `values` (Terraform values to AWS values and back), `compare`, `plan`,
`lifecycle` (the calls), `service` (the protocol).
"""
