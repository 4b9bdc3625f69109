resource "huaweicloud_kms_key" "records" {
  key_alias         = "${var.name}-${substr(sha256(local.prefix), 0, 8)}" # an alias stays taken while a deleted key waits
  key_description   = "Records and secrets of ${var.name}"
  rotation_enabled  = true
  rotation_interval = 365
  pending_days      = "30"
  tags              = local.tags
}

locals {
  functions_principals = [for a in [local.read, local.write] : "domain/${local.domain_id}:agency/${a}"]
  never = ["DeleteObject", "DeleteObjectVersion", "DeleteBucket", "DeleteBucketPolicy", "PutBucketPolicy", "PutLifecycleConfiguration",
  "PutBucketVersioning", "PutEncryptionConfiguration", "PutBucketLogging", "PutBucketAcl", "PutObjectAcl", "PutObjectVersionAcl"]

  # prefix → days until the cheaper class (null: never), days until deletion (null: never)
  kept = {
    "incidents/"   = { cool = 90, days = var.keep_days }
    "reports/"     = { cool = 90, days = var.keep_days }
    "inspections/" = { cool = null, days = 90 }
    "open/"        = { cool = null, days = 90 }
    "tokens/"      = { cool = null, days = 90 }
    "messages/"    = { cool = null, days = 90 }
    "seen/"        = { cool = null, days = 30 }
    "probe/"       = { cool = null, days = 7 }
  }
}

resource "huaweicloud_obs_bucket" "state" {
  bucket        = local.state
  acl           = "private"
  versioning    = true
  encryption    = true
  sse_algorithm = "kms"
  kms_key_id    = huaweicloud_kms_key.records.id
  force_destroy = !var.keep_on_destroy
  tags          = local.tags

  policy_format = "obs"
  policy = jsonencode({ Statement = [
    {
      Sid       = "FunctionsNeverDelete"
      Effect    = "Deny"
      Principal = { ID = local.functions_principals }
      Action    = local.never
      Resource  = [local.state, "${local.state}/*"]
    },
    {
      Sid       = "FunctionsNeverChangeCode" # nor who may confirm what
      Effect    = "Deny"
      Principal = { ID = local.functions_principals }
      Action    = ["PutObject"]
      Resource  = ["${local.state}/code/*", "${local.state}/config/*"]
    },
  ] })

  dynamic "lifecycle_rule" {
    for_each = local.kept

    content {
      name    = trimsuffix(lifecycle_rule.key, "/")
      prefix  = lifecycle_rule.key
      enabled = true

      dynamic "transition" {
        for_each = lifecycle_rule.value.cool == null ? [] : [lifecycle_rule.value.cool]

        content {
          days          = transition.value
          storage_class = "WARM"
        }
      }
      expiration {
        days = lifecycle_rule.value.days
      }
      noncurrent_version_expiration {
        days = lifecycle_rule.value.days
      }
      abort_incomplete_multipart_upload {
        days = 1
      }
    }
  }

  logging {
    target_bucket = huaweicloud_obs_bucket.audit.bucket
    target_prefix = "state/"
    agency        = huaweicloud_identity_agency.audit.name
  }
}

# The list of clusters, where it is too long for a function's variables.
resource "huaweicloud_obs_bucket_object" "clusters" {
  count = local.by_object ? 1 : 0

  bucket       = huaweicloud_obs_bucket.state.bucket
  key          = "config/v1/clusters-${sha256(local.cluster_list)}.json"
  content      = local.cluster_list
  content_type = "application/json"

  lifecycle {
    create_before_destroy = true # functions of the last apply still read the last list
  }
}

# Who touched a record, written by OBS itself: the functions cannot reach it.
resource "huaweicloud_obs_bucket" "audit" {
  bucket        = local.audit
  acl           = "private"
  versioning    = true
  encryption    = true
  sse_algorithm = "kms"
  kms_key_id    = huaweicloud_kms_key.records.id
  force_destroy = !var.keep_on_destroy
  tags          = local.tags

  policy_format = "obs"
  policy = jsonencode({ Statement = [{
    Sid       = "FunctionsStayOut"
    Effect    = "Deny"
    Principal = { ID = local.functions_principals }
    Action    = concat(local.never, ["PutObject", "GetObject", "GetObjectVersion", "ListBucket"])
    Resource  = [local.audit, "${local.audit}/*"]
  }] })

  lifecycle_rule {
    name    = "state"
    prefix  = "state/"
    enabled = true

    transition {
      days          = 90
      storage_class = "WARM"
    }
    expiration {
      days = var.keep_days
    }
    noncurrent_version_expiration {
      days = var.keep_days
    }
  }
}
