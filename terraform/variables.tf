variable "name_prefix" {
  description = "The prefix of all names, so that one account can have several environments. Include the separator: \"dev-\". Do not change it later: a change replaces the tables, the user pool and the bucket, and deletes their content."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^([A-Za-z][A-Za-z0-9-]{0,19})?$", var.name_prefix))
    error_message = "name_prefix must be empty, or 1 to 20 letters, digits and hyphens that begin with a letter."
  }
}

variable "create_appsync_service_linked_role" {
  description = "Whether to create the role AWSServiceRoleForAppSync, with which AppSync sends traces. An account can have only one: set this to true for the first environment of an account that has never used AppSync with X-Ray, unless the role exists already. make deploy creates it."
  type        = bool
  default     = false
  nullable    = false
}

variable "log_retention_days" {
  description = "The number of days that CloudWatch keeps the logs of the functions and the API."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653."
  }
}

variable "log_level" {
  description = "The level of AppSync's field logs. INFO, DEBUG and ALL log every request and can cost more than the rest of the system."
  type        = string
  default     = "ERROR"
  nullable    = false

  validation {
    condition     = contains(["NONE", "ERROR", "INFO", "DEBUG", "ALL"], var.log_level)
    error_message = "log_level must be one of NONE, ERROR, INFO, DEBUG, ALL."
  }
}

variable "permissions_boundary_arn" {
  description = "The permissions boundary of all roles of the module, if the account requires one. Null means none."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/[!-~]+$", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn must be the ARN of an IAM policy, such as arn:aws:iam::123456789012:policy/boundary."
  }
}

variable "kms_key_arn" {
  description = "The KMS key, of the same region, that encrypts the tables, the log groups, the functions' environments, the jobs' executions and their results. Null means AWS's own keys. Its policy must allow the principal logs.<region>.amazonaws.com to kms:Encrypt*, kms:Decrypt*, kms:ReEncrypt*, kms:GenerateDataKey* and kms:Describe*, and delivery.logs.amazonaws.com to kms:Decrypt*, and must let IAM policies control the account's roles, as AWS's default key policy does. A change takes two applies: see previous_kms_key_arn. The principal that runs terraform apply needs kms:CreateGrant, kms:DescribeKey, kms:Encrypt, kms:GenerateDataKey and kms:Decrypt on it."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a key, such as arn:aws:kms:eu-west-1:123456789012:key/<id>, not of an alias."
  }
}

variable "previous_kms_key_arn" {
  description = "The previous value of kms_key_arn during a change of the key. The functions and the state machine may still use it. Set it when you change kms_key_arn, and unset it in a later apply, after the earlier jobs and results have expired. Null means none."
  type        = string
  default     = null

  validation {
    condition     = var.previous_kms_key_arn == null || can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", var.previous_kms_key_arn))
    error_message = "previous_kms_key_arn must be the ARN of a key, such as arn:aws:kms:eu-west-1:123456789012:key/<id>, not of an alias."
  }
}

variable "vpc_config" {
  description = "The subnets and security groups of the function agent, for tools that need a private network. Null means none. From there it must reach DynamoDB, Lambda and the Bedrock runtime in its region, and S3 if an agent asks questions, through a NAT gateway or VPC endpoints. Its logs and traces need no route."
  type = object({
    subnet_ids         = set(string)
    security_group_ids = set(string)
  })
  default = null

  validation {
    condition = var.vpc_config == null ? true : alltrue([
      for pattern, ids in { "^subnet-[0-9a-f]+$" = var.vpc_config.subnet_ids, "^sg-[0-9a-f]+$" = var.vpc_config.security_group_ids } :
      length(ids) > 0 && alltrue([for id in ids : can(regex(pattern, id))])
    ])
    error_message = "vpc_config must name at least one subnet (subnet-...) and at least one security group (sg-...)."
  }
}

variable "lambda_architecture" {
  description = "The processor architecture of the functions, arm64 or x86_64. deployment.zip must be packaged for it."
  type        = string
  default     = "arm64"
  nullable    = false

  validation {
    condition     = contains(["arm64", "x86_64"], var.lambda_architecture)
    error_message = "lambda_architecture must be arm64 or x86_64."
  }
}

# Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
variable "lambda_runtime" {
  description = "The Lambda runtime of the functions. deployment.zip must be packaged for it. AWS blocks the creation of functions after these dates, and updates about a month later: python3.11 2027-07-31, python3.12 2028-11-30, python3.13 and python3.14 2029-07-31."
  type        = string
  default     = "python3.13"
  nullable    = false

  validation {
    condition     = contains(["python3.11", "python3.12", "python3.13", "python3.14"], var.lambda_runtime)
    error_message = "lambda_runtime must be python3.11, python3.12, python3.13 or python3.14."
  }
}

variable "conversation_retention_days" {
  description = "The number of days for which a conversation is kept after its last complete run."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.conversation_retention_days >= 1 && var.conversation_retention_days <= 365 && floor(var.conversation_retention_days) == var.conversation_retention_days
    error_message = "conversation_retention_days must be a whole number from 1 to 365."
  }
}

variable "retention_hours" {
  description = "The number of hours for which a record is kept after its creation. At least 2, because a job may take an hour and its record must outlive it."
  type        = number
  default     = 24
  nullable    = false

  validation {
    condition     = var.retention_hours >= 2 && var.retention_hours <= 8760 && floor(var.retention_hours) == var.retention_hours
    error_message = "retention_hours must be a whole number from 2 to 8760, which is a year."
  }
}

variable "question_retention_hours" {
  description = "The number of hours for which a run that asks a question is kept from then on. It can be answered until 15 minutes before that."
  type        = number
  default     = 168
  nullable    = false

  validation {
    condition     = var.question_retention_hours >= 1 && var.question_retention_hours <= 8760 && floor(var.question_retention_hours) == var.question_retention_hours
    error_message = "question_retention_hours must be a whole number from 1 to 8760, which is a year."
  }
}

variable "handover_seconds" {
  description = "How many seconds before its timeout the function agent hands the run of an agent with checkpointing=True over to another invocation. In this time, tools that have begun may end. At most half of agent.timeout_seconds is used."
  type        = number
  default     = 120
  nullable    = false

  validation {
    condition     = var.handover_seconds >= 1 && var.handover_seconds <= 450 && floor(var.handover_seconds) == var.handover_seconds
    error_message = "handover_seconds must be a whole number from 1 to 450."
  }
}

variable "max_run_hours" {
  description = "The number of hours for which the invocations of one run may work in all. Then the run ends as timed_out at its next hand-over. At most retention_hours - 1 is used."
  type        = number
  default     = 8
  nullable    = false

  validation {
    condition     = var.max_run_hours >= 1 && var.max_run_hours <= 8759 && floor(var.max_run_hours) == var.max_run_hours
    error_message = "max_run_hours must be a whole number from 1 to 8759."
  }
}

variable "job_timeout_minutes" {
  description = "The time limit of a job, without the time in which it waits for answers. At least half an hour less than retention_hours, because the job's record must outlive it."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.job_timeout_minutes >= 1 && var.job_timeout_minutes <= 1440 && floor(var.job_timeout_minutes) == var.job_timeout_minutes
    error_message = "job_timeout_minutes must be a whole number from 1 to 1440, which is a day."
  }
}

variable "alarm_actions" {
  description = "The ARNs of the targets to notify when an alarm starts or ends, such as an SNS topic. Without targets, no alarms are created; each alarm costs about $0.10 a month."
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
  description = "Whether to create a CloudWatch dashboard. After an account's first three, each costs $3 a month."
  type        = bool
  default     = false
  nullable    = false
}

variable "deletion_protection" {
  description = "Whether the tables and the module's user pool are protected from deletion. While true, terraform destroy fails."
  type        = bool
  default     = false
  nullable    = false
}

variable "point_in_time_recovery" {
  description = "Whether both tables have point-in-time recovery: restore to any second of the last 35 days."
  type        = bool
  default     = true
  nullable    = false
}

variable "enable_api_key" {
  description = "Whether the API also admits callers with an API key. All of them share one tenant and one user, both named \"public\", and may read and watch its runs by their ids."
  type        = bool
  default     = false
  nullable    = false
}

variable "api_key_may_start" {
  description = "Whether callers with the API key may also start, answer, list and cancel runs and jobs of the user \"public\". Each can then list, read and cancel the runs of the others, and all of them share the limits of one user. It requires enable_api_key."
  type        = bool
  default     = false
  nullable    = false
}

variable "enable_api_gateway_account" {
  description = "Whether to let API Gateway write logs, and to log each request to the REST API. API Gateway has one logging role for each account and region: set this to true in at most one environment there. It replaces the current role, and destroying the environment removes the role for all others."
  type        = bool
  default     = false
  nullable    = false
}

variable "rest_throttling" {
  description = "The throttling limits of each method of the REST API, including GET /health and OPTIONS: rate, in requests per second, and burst, in requests. API Gateway answers requests over the limit with 429. Null means that only the account's limits apply."
  type = object({
    rate  = number
    burst = number
  })
  default = null

  # Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
  validation {
    condition     = var.rest_throttling == null ? true : var.rest_throttling.rate >= 1 && var.rest_throttling.burst >= 1 && floor(var.rest_throttling.burst) == var.rest_throttling.burst
    error_message = "rest_throttling.rate must be at least 1, and rest_throttling.burst must be a whole number of at least 1."
  }
}

variable "limits" {
  description = "What one user, and all users of one tenant together, may use. user_starts_per_minute and tenant_starts_per_minute: starts of runs and jobs, and uploads. user_open_runs and tenant_open_runs: runs and jobs in progress, without those that wait for an answer. run_tokens and user_tokens_per_day: tokens that one run, and all runs of a user on a day (UTC), may use; a run that exceeds one of them ends with the reason budget. user_upload_mb_per_day: megabytes that a user may upload on a day (UTC). A request over a limit is refused as TooManyRequests. All callers with the API key count as one user."
  type = object({
    user_starts_per_minute   = optional(number, 60)
    tenant_starts_per_minute = optional(number, 600)
    user_open_runs           = optional(number, 20)
    tenant_open_runs         = optional(number, 200)
    run_tokens               = optional(number, 2000000)
    user_tokens_per_day      = optional(number, 10000000)
    user_upload_mb_per_day   = optional(number, 1000)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for maximum in values(var.limits) : maximum >= 1 && maximum <= 1000000000 && floor(maximum) == maximum])
    error_message = "The limits must be whole numbers from 1 to 1000000000."
  }
}

variable "agent_reserved_concurrency" {
  description = "The number of runs that the function agent can execute at once, reserved from the account's concurrency. Other functions cannot use it, and agents cannot use more. Null means that the function shares the account's concurrency."
  type        = number
  default     = null

  validation {
    condition     = var.agent_reserved_concurrency == null ? true : var.agent_reserved_concurrency >= 1 && floor(var.agent_reserved_concurrency) == var.agent_reserved_concurrency
    error_message = "agent_reserved_concurrency must be a whole number of at least 1."
  }
}

variable "tenant_isolation" {
  description = "Whether the function agent uses separate execution environments for each tenant: Lambda's tenant isolation. A user without a tenant counts as one. A change replaces the function, so runs in progress end as lost. It costs more cold starts and a fee for each environment, at most 2,500 environments for each 1,000 of the function's concurrency exist at a time, and some regions do not have it. The functions in agent_functions are invoked without a tenant."
  type        = bool
  default     = false
  nullable    = false
}

variable "web_acl_arn" {
  description = "The ARN of the AWS WAF web ACL that filters the requests to both APIs. It must be a regional web ACL of this region. Null means none."
  type        = string
  default     = null

  validation {
    condition     = var.web_acl_arn == null || can(regex("^arn:aws[a-z-]*:wafv2:[a-z0-9-]+:[0-9]{12}:regional/webacl/[A-Za-z0-9_-]+/[a-z0-9-]+$", var.web_acl_arn))
    error_message = "web_acl_arn must be the ARN of a regional web ACL, such as arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/<name>/<id>."
  }
}

variable "cors_origins" {
  description = "The origins whose pages may call the REST API from a browser, fetch large results and upload attachments, such as https://app.example.com. \"*\" alone allows all, which is safe because requests need a token that browsers do not send automatically. Empty allows none. The GraphQL API always allows all."
  type        = list(string)
  default     = ["*"]
  nullable    = false

  validation {
    condition     = var.cors_origins == tolist(["*"]) || alltrue([for origin in var.cors_origins : can(regex("^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?$", origin))])
    error_message = "cors_origins must be [\"*\"], or origins without a path such as https://app.example.com and http://localhost:5173."
  }
}

variable "bedrock_model_id" {
  description = "The Bedrock model of the agents: the id of a foundation model or of a cross-region inference profile."
  type        = string
  default     = "global.anthropic.claude-sonnet-4-6"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9-]+(\\.[A-Za-z0-9-]+)+(:[A-Za-z0-9]+)*$", var.bedrock_model_id))
    error_message = "bedrock_model_id must be the id of a foundation model (anthropic.claude-sonnet-4-6) or of a cross-region inference profile (eu.anthropic.claude-sonnet-4-6), not an ARN."
  }
}

variable "model_max_tokens" {
  description = "The maximum number of tokens in one answer of the model."
  type        = number
  default     = 4096
  nullable    = false

  validation {
    condition     = var.model_max_tokens >= 1 && var.model_max_tokens <= 200000 && floor(var.model_max_tokens) == var.model_max_tokens
    error_message = "model_max_tokens must be a whole number from 1 to 200000."
  }
}

variable "model_prices" {
  description = "What the models cost, in USD for a million tokens, by model id as runs name it in metadata.models. The last step of a run then has its cost, metadata.costUsd. Tokens read from and written to a cache cost as much as input unless cache_read and cache_write are given. At most 1,000 characters as JSON, because Lambda limits the environment of a function."
  type = map(object({
    input       = number
    output      = number
    cache_read  = optional(number)
    cache_write = optional(number)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue(flatten([for price in values(var.model_prices) : [for usd in values(price) : usd == null ? true : usd >= 0]]))
    error_message = "The prices in model_prices must be USD for a million tokens, 0 or more."
  }

  validation {
    condition     = length(jsonencode(var.model_prices)) <= 1000
    error_message = "model_prices must be at most 1,000 characters as JSON."
  }
}

variable "agent" {
  description = "Settings of the function agent, which runs the packaged agents. environment: its variables. secrets: names and the ARNs of Secrets Manager secrets; the variable NAME contains the ARN, and the role may read the secret. policy_json: more permissions of its role, as an IAM policy. memory_mb: 128 to 10240. timeout_seconds: 30 to 900. ephemeral_storage_mb: 512 to 10240. A secret that your own KMS key encrypts also needs kms:Decrypt in policy_json."
  type = object({
    environment          = optional(map(string), {})
    secrets              = optional(map(string), {})
    policy_json          = optional(string)
    memory_mb            = optional(number, 768)
    timeout_seconds      = optional(number, 900)
    ephemeral_storage_mb = optional(number, 512)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name in concat(keys(var.agent.environment), keys(var.agent.secrets)) : can(regex("^[A-Za-z][A-Za-z0-9_]+$", name)) && !startswith(name, "AWS_")])
    error_message = "The names in agent.environment and agent.secrets must be at least two letters, digits and underscores that begin with a letter, and not with AWS_."
  }

  validation {
    condition     = length(setintersection(keys(var.agent.environment), keys(var.agent.secrets))) == 0
    error_message = "agent.environment and agent.secrets must not have a name in common."
  }

  validation {
    condition     = alltrue([for arn in values(var.agent.secrets) : can(regex("^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+$", arn))])
    error_message = "The values in agent.secrets must be the ARNs of Secrets Manager secrets, such as arn:aws:secretsmanager:eu-west-1:123456789012:secret:prices-AbCdEf."
  }

  validation {
    condition     = var.agent.policy_json == null || can(jsondecode(var.agent.policy_json).Statement)
    error_message = "agent.policy_json must be an IAM policy as JSON, with a Statement."
  }

  # Source: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
  validation {
    condition = alltrue([
      for range in [[var.agent.memory_mb, 128, 10240], [var.agent.timeout_seconds, 30, 900], [var.agent.ephemeral_storage_mb, 512, 10240]] :
      range[0] >= range[1] && range[0] <= range[2] && floor(range[0]) == range[0]
    ])
    error_message = "In agent, memory_mb must be a whole number from 128 to 10240, timeout_seconds from 30 to 900 and ephemeral_storage_mb from 512 to 10240."
  }
}

variable "agent_functions" {
  description = "Agents in your own Lambda functions: each agent's name and the ARN of its function. startAgentRun and POST /runs start them with the same event as the module's agents. A function must be in this region. If it is in another account, it must let the roles of run_starter, api_handler, orchestrator and run_closer invoke it. About twenty agents: as JSON, with cors_origins and oidc_*, at most 2,900 characters, because Lambda limits the environment of a function."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.agent_functions) : can(regex("^[A-Za-z][A-Za-z0-9_-]{0,62}$", name))])
    error_message = "The names in agent_functions must be 1 to 63 letters, digits, hyphens and underscores that begin with a letter."
  }

  validation {
    condition     = alltrue([for arn in values(var.agent_functions) : can(regex("^arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]{1,64}(:[A-Za-z0-9_$-]{1,128})?$", arn))])
    error_message = "The values in agent_functions must be the ARNs of Lambda functions, such as arn:aws:lambda:eu-west-1:123456789012:function:my-agent."
  }
}

variable "publish_batch_size" {
  description = "The number of status messages in one request to AppSync. 1 sends each message separately; use it if AppSync delivers only some messages of a request."
  type        = number
  default     = 50
  nullable    = false

  validation {
    condition     = var.publish_batch_size >= 1 && var.publish_batch_size <= 50 && floor(var.publish_batch_size) == var.publish_batch_size
    error_message = "publish_batch_size must be a whole number from 1 to 50."
  }
}

variable "user_pool_mfa" {
  description = "Whether the users of the module's user pool need a second factor, an authenticator app, to sign in: OFF, OPTIONAL (each user decides) or ON (all users)."
  type        = string
  default     = "OFF"
  nullable    = false

  validation {
    condition     = contains(["OFF", "OPTIONAL", "ON"], var.user_pool_mfa)
    error_message = "user_pool_mfa must be OFF, OPTIONAL or ON."
  }
}

variable "cognito_user_pool_id" {
  description = "An existing user pool of this account, which replaces the module's pool. It requires cognito_user_pool_client_id. All its users may run agents, and they must not be able to write the attribute of tenant_id_claim."
  type        = string
  default     = null

  validation {
    condition     = var.cognito_user_pool_id == null || can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]+_[A-Za-z0-9]+$", var.cognito_user_pool_id))
    error_message = "cognito_user_pool_id must be the id of a user pool, such as eu-west-1_AbCdEf123."
  }
}

variable "cognito_user_pool_client_id" {
  description = "The client of cognito_user_pool_id with which frontends sign in. It must have no secret and must be able to read the attribute of tenant_id_claim."
  type        = string
  default     = null

  validation {
    condition     = var.cognito_user_pool_client_id == null || can(regex("^[a-z0-9]{1,128}$", var.cognito_user_pool_client_id))
    error_message = "cognito_user_pool_client_id must be the id of a user pool's client: lower-case letters and digits."
  }
}

variable "user_id_claim" {
  description = "The claim of the ID token that names the user. Users must not be able to change it. With cognito:username, nobody without a tenant may be named as a tenant: a user without one is the tenant of that name."
  type        = string
  default     = "sub"
  nullable    = false

  validation {
    condition     = contains(["sub", "cognito:username"], var.user_id_claim)
    error_message = "user_id_claim must be sub or cognito:username: users can change the others."
  }
}

variable "tenant_id_claim" {
  description = "The claim of the ID token that names the tenant. The module's user pool gets a custom attribute for it, which only administrators can write. It cannot be changed later, because Cognito cannot rename or remove an attribute of a user pool."
  type        = string
  default     = "custom:tenantId"
  nullable    = false

  validation {
    condition     = can(regex("^custom:[A-Za-z][A-Za-z0-9_]{0,19}$", var.tenant_id_claim))
    error_message = "tenant_id_claim must be \"custom:\" followed by 1 to 20 letters, digits and underscores that begin with a letter, such as custom:tenantId."
  }
}

variable "oidc_issuer" {
  description = "The issuer of an OpenID Connect provider whose users may sign in beside those of the user pool, exactly as its discovery document names it: https://, and at most 120 characters. AppSync must be able to reach it from the internet. It requires oidc_audience. A user's id is then the issuer, a bar and the claim sub, so that users of different issuers are never the same. API Gateway cannot verify such tokens: with a provider, the function api_handler has AppSync verify the token of each request. Null means none."
  type        = string
  default     = null

  validation {
    condition     = var.oidc_issuer == null || can(regex("^https://[A-Za-z0-9._~:/-]{1,112}$", var.oidc_issuer))
    error_message = "oidc_issuer must be the URL in the provider's tokens, such as https://login.example.com/realms/main: https://, at most 120 characters, no query."
  }
}

variable "oidc_audience" {
  description = "The audience of the tokens of oidc_issuer: the id of the client with which frontends sign in there. Tokens whose claim aud does not contain it are refused."
  type        = string
  default     = null

  validation {
    condition     = var.oidc_audience == null || can(regex("^[A-Za-z0-9._:/+~@-]{1,200}$", var.oidc_audience))
    error_message = "oidc_audience must be 1 to 200 letters, digits and . _ : / + ~ @ -, such as the id of a client."
  }
}

variable "oidc_tenant_id_claim" {
  description = "The claim of the tokens of oidc_issuer that names the tenant. Users must not be able to change it: not email or name. Null means that each user is their own tenant. A tenant of the provider is never a tenant of the user pool, even with the same name."
  type        = string
  default     = null

  validation {
    condition     = var.oidc_tenant_id_claim == null || can(regex("^[A-Za-z0-9._:/-]{1,100}$", var.oidc_tenant_id_claim))
    error_message = "oidc_tenant_id_claim must be the name of a claim: 1 to 100 letters, digits and . _ : / -, such as org_id or https://example.com/tenant."
  }
}

variable "tags" {
  description = "The tags of all resources that support tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
