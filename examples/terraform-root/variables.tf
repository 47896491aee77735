variable "environment" {
  description = "Which of the environments this is: every name begins with it."
  type        = string
}

variable "region" {
  description = "The region that everything is in."
  type        = string
}

variable "account_id" {
  description = "The account that this environment is in."
  type        = string
}

variable "owner" {
  description = "Who answers for it, as a tag of every resource."
  type        = string
}

variable "cors_origins" {
  description = "The origins whose pages may call the REST API from a browser."
  type        = list(string)
}

variable "deletion_protection" {
  description = "Whether the tables and the user pool refuse to be deleted."
  type        = bool
}

variable "log_retention_days" {
  description = "How many days logs are kept."
  type        = number
}

variable "agent" {
  description = "Settings of your agents' function, as in the module. make plan and make deploy take them from agent.tfvars beside your agents."
  type        = any
  default     = {}
}
