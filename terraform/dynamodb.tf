resource "aws_dynamodb_table" "agent_progress" {
  #checkov:skip=CKV_AWS_119:kms_key_arn decides; without it, the key is DynamoDB's.

  name                        = "${var.name_prefix}AgentProgress"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "requestId"
  deletion_protection_enabled = var.deletion_protection

  attribute {
    name = "requestId"
    type = "S"
  }

  attribute {
    name = "owner"
    type = "S"
  }

  attribute {
    name = "createdAt"
    type = "N"
  }

  attribute {
    name = "openSince"
    type = "N"
  }

  attribute {
    name = "openTenant"
    type = "S"
  }

  # Keys only: an index with attributes that change at each step would be written at each step.
  global_secondary_index {
    name            = "byOwner"
    projection_type = "KEYS_ONLY"

    key_schema {
      attribute_name = "owner"
      key_type       = "HASH"
    }

    key_schema {
      attribute_name = "createdAt"
      key_type       = "RANGE"
    }
  }

  # Contains only open runs, because an end removes openSince.
  global_secondary_index {
    name            = "byOpen"
    projection_type = "KEYS_ONLY"

    key_schema {
      attribute_name = "requestId"
      key_type       = "HASH"
    }

    key_schema {
      attribute_name = "openSince"
      key_type       = "RANGE"
    }
  }

  # Contains only runs in progress, because a question and an end remove openTenant.
  global_secondary_index {
    name            = "openByTenant"
    projection_type = "KEYS_ONLY"

    key_schema {
      attribute_name = "openTenant"
      key_type       = "HASH"
    }

    key_schema {
      attribute_name = "owner"
      key_type       = "RANGE"
    }
  }

  ttl {
    attribute_name = "expiresAt"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = var.point_in_time_recovery
  }

  # Disabled selects the key that AWS owns. If only the key were left out, the provider would keep the previous one.
  server_side_encryption {
    enabled     = var.kms_key_arn != null
    kms_key_arn = var.kms_key_arn
  }

  tags = var.tags
}

resource "aws_dynamodb_table" "user_sessions" {
  #checkov:skip=CKV_AWS_119:kms_key_arn decides; without it, the key is DynamoDB's.

  name                        = "${var.name_prefix}user_sessions"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "tenantId"
  range_key                   = "userId"
  deletion_protection_enabled = var.deletion_protection

  attribute {
    name = "tenantId"
    type = "S"
  }

  attribute {
    name = "userId"
    type = "S"
  }

  ttl {
    attribute_name = "expiresAt"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = var.point_in_time_recovery
  }

  # Disabled selects the key that AWS owns. If only the key were left out, the provider would keep the previous one.
  server_side_encryption {
    enabled     = var.kms_key_arn != null
    kms_key_arn = var.kms_key_arn
  }

  tags = var.tags
}
