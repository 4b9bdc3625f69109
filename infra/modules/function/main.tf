locals {
  code   = filebase64(var.zip)
  inline = length(local.code) * 3 / 4 <= var.inline_limit
  key    = "code/${var.name}/${filesha256(var.zip)}.zip" # another commit is another key, so the function's code_url changes with it
}

resource "huaweicloud_obs_bucket_object" "code" {
  count = local.inline ? 0 : 1

  bucket       = var.code_bucket
  key          = local.key
  source       = var.zip
  content_type = "application/zip"
  etag         = filemd5(var.zip)

  lifecycle {
    ignore_changes = [etag] # with encryption OBS answers another one; the key tells the content
  }
}

resource "huaweicloud_fgs_function" "this" {
  name                  = var.name
  app                   = var.app
  description           = var.description
  functiongraph_version = "v2"
  runtime               = var.runtime
  handler               = "bootstrap"
  memory_size           = var.memory
  timeout               = var.timeout
  max_instance_num      = tostring(var.max_instances)

  code_type     = local.inline ? "zip" : "obs"
  code_filename = local.inline ? basename(var.zip) : null
  func_code     = local.inline ? local.code : null
  code_url      = local.inline ? null : "https://${var.code_bucket}.obs.${var.region}.myhuaweicloud.com/${local.key}"

  agency     = var.agency
  app_agency = var.agency
  user_data  = jsonencode(var.environment)
  vpc_id     = try(var.vpc.id, null)
  network_id = try(var.vpc.subnet_id, null)

  enable_lts_log  = true
  log_group_id    = var.log_group.id
  log_group_name  = var.log_group.name
  log_stream_id   = var.log_stream.id
  log_stream_name = var.log_stream.name

  tags = var.tags

  depends_on = [huaweicloud_obs_bucket_object.code]
}

resource "huaweicloud_fgs_async_invoke_configuration" "this" {
  function_urn                   = huaweicloud_fgs_function.this.urn
  max_async_event_age_in_seconds = var.max_age
  max_async_retry_attempts       = var.retries
  enable_async_status_log        = true

  on_failure {
    destination = "SMN"
    param       = jsonencode({ topic_urn = var.failure_topic })
  }
}
