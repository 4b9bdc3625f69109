locals {
  # Inspect and diagnose hold a Snapshot of a whole cluster; execute writes and ends itself before its timeout to go on in a new run.
  # Retries are explicit, because without a policy a failed run is not repeated: a timer's errand and an execution are woken again by
  # the watch, a callback is repeated by Lark, but an alarm must not be lost.
  functions = {
    inspect  = { memory = 512, timeout = 300, agency = local.read, retries = 1, age = 300, about = "Looks at whole clusters and for what was lost" }
    diagnose = { memory = 512, timeout = 300, agency = local.read, retries = 3, age = 3600, about = "Turns alarms into one diagnosed incident with a plan" }
    webhook  = { memory = 256, timeout = 10, agency = local.read, retries = 0, age = 60, about = "Takes decisions from Lark and proves who made them" }
    execute  = { memory = 512, timeout = 900, agency = local.write, retries = 0, age = 3600, about = "Does what was confirmed and verifies it" }
    report   = { memory = 256, timeout = 120, agency = local.read, retries = 3, age = 21600, about = "Yesterday in one card" }
  }
}

module "function" {
  source   = "./modules/function"
  for_each = local.functions

  name          = "${var.name}-${each.key}"
  app           = var.app
  description   = each.value.about
  zip           = "${local.packages}/${each.key}.zip"
  inline_limit  = var.inline_limit
  code_bucket   = huaweicloud_obs_bucket.state.bucket
  region        = var.region
  memory        = each.value.memory
  timeout       = each.value.timeout
  max_instances = var.max_instances[each.key]
  agency        = huaweicloud_identity_agency.function[each.value.agency == local.write ? "write" : "read"].name
  environment   = local.environment
  vpc           = contains(["inspect", "diagnose", "execute"], each.key) ? var.vpc : null
  log_group     = { id = huaweicloud_lts_group.functions.id, name = huaweicloud_lts_group.functions.group_name }
  log_stream    = { id = huaweicloud_lts_stream.function[each.key].id, name = huaweicloud_lts_stream.function[each.key].stream_name }
  retries       = each.value.retries
  max_age       = each.value.age
  failure_topic = huaweicloud_smn_topic.failures.topic_urn
  tags          = local.tags
}
