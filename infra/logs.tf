resource "huaweicloud_lts_group" "functions" {
  group_name  = var.name
  ttl_in_days = var.log_days
  tags        = local.tags
}

resource "huaweicloud_lts_stream" "function" {
  for_each = toset(local.role_names)

  group_id    = huaweicloud_lts_group.functions.id
  stream_name = "${var.name}-${each.key}"
  ttl_in_days = var.log_days
}
