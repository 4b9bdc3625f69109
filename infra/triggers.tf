locals {
  # name → function, schedule. Names of weekdays and an explicit zone: nobody agrees on numbers and defaults.
  timers = {
    inspect = { function = "inspect", type = "Cron", schedule = "CRON_TZ=${var.timezone} ${var.inspect_schedule}", event = { mode = "inspect" } }
    watch   = { function = "inspect", type = "Rate", schedule = "${var.watch_minutes}m", event = { mode = "watch" } }
    report  = { function = "report", type = "Cron", schedule = "CRON_TZ=${var.timezone} ${var.report_schedule}", event = {} }
  }

  webhook_path = "/${var.name}/lark"
  alarm_path   = "/${var.name}/alarms"
  gateways = merge(
    { webhook = { function = "webhook", path = local.webhook_path } },
    var.alarm_ingress == "https" ? { alarms = { function = "diagnose", path = local.alarm_path } } : {},
  )
  webhook_host = coalesce(var.webhook_domain, "${huaweicloud_apig_group.functions.id}.apic.${var.region}.huaweicloudapis.com")
}

resource "huaweicloud_fgs_function_trigger" "timer" {
  for_each = local.timers

  function_urn = module.function[each.value.function].urn
  type         = "TIMER"
  status       = "ACTIVE"
  event_data = jsonencode({
    name          = each.key
    schedule_type = each.value.type
    schedule      = each.value.schedule
    user_event    = jsonencode(each.value.event)
  })
}

resource "huaweicloud_fgs_function_trigger" "alarms" {
  count = var.alarm_ingress == "smn" ? 1 : 0

  function_urn = module.function["diagnose"].urn
  type         = "SMN"
  status       = "ACTIVE"
  event_data   = jsonencode({ topic_urn = huaweicloud_smn_topic.alarms.topic_urn })
}

resource "huaweicloud_apig_group" "functions" {
  instance_id = var.gateway_instance_id
  name        = replace(var.name, "-", "_")
  description = "Callbacks of ${var.name}"
}

resource "huaweicloud_fgs_function_trigger" "gateway" {
  for_each = local.gateways

  function_urn = module.function[each.value.function].urn
  type         = "DEDICATEDGATEWAY"
  status       = "ACTIVE"
  event_data = jsonencode({
    instance_id  = var.gateway_instance_id
    group_id     = huaweicloud_apig_group.functions.id
    env_id       = "DEFAULT_ENVIRONMENT_RELEASE_ID"
    env_name     = "RELEASE"
    name         = "${replace(var.name, "-", "_")}_${each.key}"
    type         = 1      # reachable from outside
    auth         = "NONE" # the function itself proves the caller: Lark and SMN cannot sign for a gateway
    protocol     = "HTTPS"
    path         = each.value.path
    req_method   = "POST"
    match_mode   = "NORMAL"
    backend_type = "FUNCTION"
    func_info    = { timeout = 5000, invocation_type = "sync" }
  })

  lifecycle {
    ignore_changes       = [event_data] # the service adds api_id, sl_domain and triggerid
    replace_triggered_by = [terraform_data.gateway[each.key]]
  }
}

# What may change of a gateway trigger, since event_data itself is not compared.
resource "terraform_data" "gateway" {
  for_each = local.gateways

  input = "${var.gateway_instance_id} ${each.value.path}"
}
