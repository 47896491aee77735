# The private bucket, by prefix:
# - inputs/ has what users sent to start runs and jobs. No API returns it.
# - results/ has job results that are too large for their record. Clients fetch them by the links that progress_reader and
#   api_handler sign.
# - conversations/ has what the next run of a conversation begins with: the agent's state, and the messages.
# - uploads/ has the files that users attach to runs. Clients send them by forms that run_starter and api_handler sign, and
#   no API returns them.
# - snapshots/ and answers/ have what a run continues from after a question: the agent's state, and the user's answers. No
#   API returns them.

locals {
  # An object lives at least as long as the record that names it, and questions extend a record's life. A conversation is
  # also kept while its last run is recorded.
  record_days = ceil((var.retention_hours + var.question_retention_hours) / 24)
  object_days = {
    answers       = local.record_days
    conversations = var.conversation_retention_days + local.record_days
    inputs        = local.record_days
    results       = local.record_days
    snapshots     = local.record_days
    uploads       = local.record_days
  }
}

resource "aws_s3_bucket" "results" {
  #checkov:skip=CKV_AWS_18:Results are read by links that are valid for minutes; an access log would need another bucket.
  #checkov:skip=CKV_AWS_21:Versions would keep data after its expiry, and no object is overwritten with other data.
  #checkov:skip=CKV_AWS_144:Objects expire, so a copy in another region is not worth its cost.
  #checkov:skip=CKV2_AWS_62:The event run.ended announces the end of a job, so nothing waits for an object.

  # Bucket names are global, so this one contains the account. With the region in it, two regions can use one prefix.
  bucket        = "${lower(var.name_prefix)}runcast-results-${local.account_id}-${local.region}"
  force_destroy = true # What is in it expires by itself.

  tags = var.tags
}

resource "aws_s3_bucket_public_access_block" "results" {
  bucket                  = aws_s3_bucket.results.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "results" {
  bucket = aws_s3_bucket.results.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "results" {
  bucket = aws_s3_bucket.results.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = var.kms_key_arn # Null means the account's own key for S3.
    }
  }
}

# S3 deletes an object at the midnight (UTC) after its last day, at most a day after its record can expire at the latest.
# Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html
resource "aws_s3_bucket_lifecycle_configuration" "results" {
  bucket = aws_s3_bucket.results.id

  dynamic "rule" {
    for_each = local.object_days

    content {
      id     = rule.key
      status = "Enabled"

      filter {
        prefix = "${rule.key}/"
      }

      expiration {
        days = rule.value
      }
    }
  }

  rule {
    id     = "incomplete"
    status = "Enabled"

    filter {} # everything

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
}

# For pages that fetch a result by its link, or upload a file by its form. S3 rejects a rule without origins.
resource "aws_s3_bucket_cors_configuration" "results" {
  count = length(var.cors_origins) > 0 ? 1 : 0

  bucket = aws_s3_bucket.results.id

  cors_rule {
    allowed_methods = ["GET", "POST"]
    allowed_origins = var.cors_origins
    max_age_seconds = 3600
  }
}

data "aws_iam_policy_document" "results" {
  statement {
    sid       = "EncryptedConnectionsOnly"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.results.arn, "${aws_s3_bucket.results.arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_s3_bucket_policy" "results" {
  bucket = aws_s3_bucket.results.id
  policy = data.aws_iam_policy_document.results.json

  # S3 refuses concurrent changes of one bucket.
  depends_on = [aws_s3_bucket_public_access_block.results, aws_s3_bucket_ownership_controls.results]
}
