variable "name_prefix" {
  description = "What every name begins with, so that several environments fit into one account. Include the separator: \"dev-\"."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^([A-Za-z][A-Za-z0-9-]{0,19})?$", var.name_prefix))
    error_message = "name_prefix must be empty, or 1 to 20 letters, digits and hyphens that begin with a letter."
  }
}

variable "log_retention_days" {
  description = "How many days CloudWatch keeps the logs of the functions and of the API."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653."
  }
}

variable "log_level" {
  description = "What AppSync logs for each field. INFO, DEBUG and ALL log every request and can cost more than the rest of the system."
  type        = string
  default     = "ERROR"
  nullable    = false

  validation {
    condition     = contains(["NONE", "ERROR", "INFO", "DEBUG", "ALL"], var.log_level)
    error_message = "log_level must be one of NONE, ERROR, INFO, DEBUG, ALL."
  }
}

variable "alarm_actions" {
  description = "The ARNs of what is told when an alarm begins or ends, such as an SNS topic. The alarms exist only if there are any; each costs about $0.10 a month."
  type        = list(string)
  default     = []
  nullable    = false

  # Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
  validation {
    condition     = length(var.alarm_actions) <= 5 && alltrue([for arn in var.alarm_actions : can(regex("^arn:[a-z-]+:[a-z0-9-]+:[a-z0-9-]*:[0-9]*:[^ ]+$", arn))])
    error_message = "alarm_actions must be at most 5 ARNs, such as arn:aws:sns:eu-west-1:123456789012:on-call."
  }
}

variable "enable_dashboard" {
  description = "Whether there is a CloudWatch dashboard. Beyond the first three of an account, each costs $3 a month."
  type        = bool
  default     = false
  nullable    = false
}

variable "deletion_protection" {
  description = "Whether the tables and the user pool refuse to be deleted. While true, destroy fails."
  type        = bool
  default     = false
  nullable    = false
}

variable "point_in_time_recovery" {
  description = "Whether both tables can be restored to any second of the last 35 days."
  type        = bool
  default     = true
  nullable    = false
}

variable "enable_api_key" {
  description = "Whether the API also admits callers with an API key. They all share one tenant and one user, both named \"public\"."
  type        = bool
  default     = false
  nullable    = false
}

variable "cors_origins" {
  description = "The origins whose pages may call the REST API from a browser, such as https://app.example.com. \"*\" alone means any: callers show a token that no browser sends of itself. Empty means none. The GraphQL API always admits any."
  type        = list(string)
  default     = ["*"]
  nullable    = false

  validation {
    condition     = var.cors_origins == tolist(["*"]) || alltrue([for origin in var.cors_origins : can(regex("^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?$", origin))])
    error_message = "cors_origins must be [\"*\"], or origins without a path such as https://app.example.com and http://localhost:5173."
  }
}

variable "bedrock_model_id" {
  description = "The Bedrock model that the agents run on: the id of a foundation model or of a cross-region inference profile."
  type        = string
  default     = "global.anthropic.claude-sonnet-4-6"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9-]+(\\.[A-Za-z0-9-]+)+(:[A-Za-z0-9]+)*$", var.bedrock_model_id))
    error_message = "bedrock_model_id must be the id of a foundation model (anthropic.claude-sonnet-4-6) or of a cross-region inference profile (eu.anthropic.claude-sonnet-4-6), not an ARN."
  }
}

variable "model_max_tokens" {
  description = "How many tokens the model may write in one answer."
  type        = number
  default     = 4096
  nullable    = false

  validation {
    condition     = var.model_max_tokens >= 1 && var.model_max_tokens <= 200000 && floor(var.model_max_tokens) == var.model_max_tokens
    error_message = "model_max_tokens must be a whole number from 1 to 200000."
  }
}

variable "publish_batch_size" {
  description = "How many status messages are sent to AppSync in one request. 1 sends each on its own, should AppSync ever deliver only some of several."
  type        = number
  default     = 50
  nullable    = false

  validation {
    condition     = var.publish_batch_size >= 1 && var.publish_batch_size <= 50 && floor(var.publish_batch_size) == var.publish_batch_size
    error_message = "publish_batch_size must be a whole number from 1 to 50."
  }
}

variable "user_id_claim" {
  description = "The claim of the ID token that names the user: one that users cannot change."
  type        = string
  default     = "sub"
  nullable    = false

  validation {
    condition     = contains(["sub", "cognito:username"], var.user_id_claim)
    error_message = "user_id_claim must be sub or cognito:username: users can change the others."
  }
}

variable "tenant_id_claim" {
  description = "The claim of the ID token that names the tenant. The user pool gets a custom attribute for it, which only administrators can write."
  type        = string
  default     = "custom:tenantId"
  nullable    = false

  validation {
    condition     = can(regex("^custom:[A-Za-z][A-Za-z0-9_]{0,19}$", var.tenant_id_claim))
    error_message = "tenant_id_claim must be \"custom:\" followed by 1 to 20 letters, digits and underscores that begin with a letter, such as custom:tenantId."
  }
}

variable "tags" {
  description = "Tags of every resource that can bear tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
