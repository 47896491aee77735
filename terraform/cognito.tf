locals {
  own_user_pool = var.cognito_user_pool_id == null

  user_pool_id        = local.own_user_pool ? aws_cognito_user_pool.users[0].id : var.cognito_user_pool_id
  user_pool_client_id = local.own_user_pool ? aws_cognito_user_pool_client.frontend[0].id : var.cognito_user_pool_client_id
  # The id of a pool starts with its region.
  user_pool_region = local.own_user_pool ? local.region : split("_", var.cognito_user_pool_id)[0]
  user_pool_arn    = "arn:${local.partition}:cognito-idp:${local.user_pool_region}:${local.account_id}:userpool/${local.user_pool_id}"
}

resource "aws_cognito_user_pool" "users" {
  count = local.own_user_pool ? 1 : 0

  name                = "${var.name_prefix}runcast"
  deletion_protection = var.deletion_protection ? "ACTIVE" : "INACTIVE"

  admin_create_user_config {
    allow_admin_create_user_only = true
  }

  mfa_configuration = var.user_pool_mfa

  dynamic "software_token_mfa_configuration" {
    for_each = var.user_pool_mfa == "OFF" ? [] : [true]

    content {
      enabled = software_token_mfa_configuration.value
    }
  }

  password_policy {
    minimum_length                   = 12
    require_lowercase                = true
    require_numbers                  = true
    require_symbols                  = true
    require_uppercase                = true
    temporary_password_validity_days = 7
  }

  schema {
    name                = trimprefix(var.tenant_id_claim, "custom:")
    attribute_data_type = "String"
    # For administrators: the client below does not let users write it.
    mutable                  = true
    required                 = false
    developer_only_attribute = false

    string_attribute_constraints {
      min_length = "1"
      max_length = "200" # as long as Runcast takes a name
    }
  }

  username_configuration {
    case_sensitive = false
  }

  tags = var.tags
}

resource "aws_cognito_user_pool_client" "frontend" {
  count = local.own_user_pool ? 1 : 0

  name         = "${var.name_prefix}runcast-frontend"
  user_pool_id = aws_cognito_user_pool.users[0].id

  # A browser cannot keep a secret.
  generate_secret = false
  explicit_auth_flows = [
    "ALLOW_REFRESH_TOKEN_AUTH",
    "ALLOW_USER_PASSWORD_AUTH",
    "ALLOW_USER_SRP_AUTH",
  ]
  supported_identity_providers  = ["COGNITO"]
  prevent_user_existence_errors = "ENABLED"
  enable_token_revocation       = true

  # The ID token contains the attributes that the client may read. Users may change their name, but no attribute that
  # identifies them.
  read_attributes  = ["email", "email_verified", "name", var.tenant_id_claim]
  write_attributes = ["name"]

  access_token_validity  = 1
  id_token_validity      = 1
  refresh_token_validity = 30

  token_validity_units {
    access_token  = "hours"
    id_token      = "hours"
    refresh_token = "days"
  }
}
