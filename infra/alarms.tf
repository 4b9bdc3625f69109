locals {
  catalogue = yamldecode(file("${path.module}/alarm_rules.yaml"))
  # A rule is made once for each Prometheus instance and names the clusters that it is about: 38 rules for a hundred clusters, not 3800.
  instances = { for c in var.clusters : coalesce(c.prometheus, "0") => c.id... }
  metric_rules = { for pair in setproduct(keys(local.instances), local.catalogue.metric) :
    "${pair[0]}/${pair[1].name}" => merge(pair[1], { instance = pair[0], clusters = join("|", local.instances[pair[0]]) }) if var.alarm_rules
  }
  rule_owner = { for i in keys(local.instances) : i => i == "0" ? var.name : "${var.name}-${substr(sha256(i), 0, 8)}" }
}

resource "huaweicloud_aomv4_alarm_rule" "metric" {
  for_each = local.metric_rules

  name             = "CCE_${each.value.name}_${local.rule_owner[each.value.instance]}" # a name that alarm.Lookup knows
  description      = "${each.value.title}: ${each.value.about}"
  type             = "metric"
  enable           = true
  prom_instance_id = each.value.instance

  alarm_notifications {
    notification_type         = "direct"
    notification_enable       = true
    bind_notification_rule_id = huaweicloud_aom_alarm_action_rule.rule["alarms"].name
    notify_triggered          = true
    notify_resolved           = true
    notify_frequency          = "0"
  }

  metric_alarm_spec {
    monitor_type = "promql"

    recovery_conditions {
      recovery_timeframe = 1
    }

    trigger_conditions {
      metric_query_mode = "NATIVE_PROM"
      metric_name       = each.value.metric
      promql            = replace(each.value.promql, "CLUSTERS", "cluster=~\"${each.value.clusters}\"")
      promql_for        = coalesce(var.alarm_pace.for, each.value.for)
      trigger_type      = "FIXED_RATE"
      trigger_interval  = var.alarm_pace.interval
      trigger_times     = tostring(var.alarm_pace.times)
      operator          = ">"
      thresholds        = { (each.value.severity) = "0" } # the expression itself compares: any series is a hit
    }

    alarm_tags {
      custom_tags = ["oncall=${var.name}"]
    }
  }
}

resource "huaweicloud_aomv4_alarm_rule" "event" {
  count = var.alarm_rules ? 1 : 0

  name        = "CCE_events_${var.name}"
  description = "CCE events that need somebody at once"
  type        = "event"
  enable      = true

  alarm_notifications {
    notification_type         = "direct"
    notification_enable       = true
    bind_notification_rule_id = huaweicloud_aom_alarm_action_rule.rule["alarms"].name
    notify_triggered          = true
    notify_resolved           = true
    notify_frequency          = "0"
  }

  event_alarm_spec {
    alarm_source    = "systemEvent"
    event_source    = "CCE"
    monitor_objects = [for c in var.clusters : { clusterId = c.id, event_name = join(";", local.catalogue.event) }]

    dynamic "trigger_conditions" {
      for_each = local.catalogue.event

      content {
        trigger_type = "immediately"
        event_name   = trigger_conditions.value
      }
    }
  }
}

# The dead-man rule. Silence of a cluster's metrics means that no other rule can fire, so it goes to people directly.
resource "huaweicloud_aomv4_alarm_rule" "silence" {
  for_each = { for c in var.clusters : c.name => c }

  name             = "CCE_silence_${var.name}-${each.key}"
  description      = "No metrics of ${each.key} for ten minutes: no other rule can fire"
  type             = "metric"
  enable           = true
  prom_instance_id = coalesce(each.value.prometheus, "0")

  alarm_notifications {
    notification_type         = "direct"
    notification_enable       = true
    bind_notification_rule_id = huaweicloud_aom_alarm_action_rule.rule["silence"].name
    notify_triggered          = true
    notify_resolved           = true
    notify_frequency          = "3600"
  }

  metric_alarm_spec {
    monitor_type = "promql"

    recovery_conditions {
      recovery_timeframe = 1
    }

    trigger_conditions {
      metric_query_mode = "NATIVE_PROM"
      metric_name       = "kube_node_info"
      promql            = "absent_over_time(kube_node_info{cluster=\"${each.value.id}\"}[10m]) > 0"
      promql_for        = "1m"
      trigger_type      = "FIXED_RATE"
      trigger_interval  = "1min"
      trigger_times     = "3"
      operator          = ">"
      thresholds        = { Critical = "0" }
    }

    no_data_conditions {
      notify_no_data      = true
      no_data_timeframe   = 10
      no_data_alert_state = "alerting"
    }

    alarm_tags {
      custom_tags = ["oncall=${var.name}"]
    }
  }
}
