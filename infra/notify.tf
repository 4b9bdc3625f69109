# Alarms come in by one topic; what a function could not deal with goes out by another.

resource "huaweicloud_smn_topic" "alarms" {
  name                     = var.name
  display_name             = "CCE on-call"
  services_publish_allowed = "apm" # the name under which AOM publishes
  tags                     = local.tags
}

resource "huaweicloud_smn_topic" "failures" {
  name                     = "${var.name}-failures"
  display_name             = "CCE on-call failures"
  services_publish_allowed = "apm" # for the dead-man rule
  tags                     = local.tags
}

resource "huaweicloud_smn_subscription" "failures" {
  for_each = var.failure_emails

  topic_urn = huaweicloud_smn_topic.failures.topic_urn
  protocol  = "email"
  endpoint  = each.key
  remark    = "failures of ${var.name}"
}

# For regions without an SMN trigger: SMN posts to the gateway, and diagnose proves and confirms the subscription itself.
resource "huaweicloud_smn_subscription" "alarms" {
  count = var.alarm_ingress == "https" ? 1 : 0

  topic_urn = huaweicloud_smn_topic.alarms.topic_urn
  protocol  = "https"
  endpoint  = "https://${local.webhook_host}${local.alarm_path}"
  remark    = "alarms for ${var.name}"

  depends_on = [huaweicloud_fgs_function_trigger.gateway]
}

# One key=value per line and only values that cannot hold a line break: free text in an alarm must not be able to forge a line. The rest
# is read again from AOM. Which receiver's text a function gets is not documented, so every kind says the same.
resource "huaweicloud_aom_message_template" "alarms" {
  name        = var.name
  locale      = var.alarm_template_locale
  description = "Ids only, for ${var.name}"

  dynamic "templates" {
    for_each = ["email", "sms"]

    content {
      sub_type = templates.value
      topic    = templates.value == "email" ? var.name : null
      content  = <<-EOT
        id=$${id}
        event_name=$${event_name}
        starts_at=$${starts_at}
        event_severity=$${event_severity}
        event_type=$${event_type}
        clear_type=$${clear_type}
        clusterId=$event.metadata.clusterId
        cluster=$event.metadata.cluster
      EOT
    }
  }
}

resource "huaweicloud_aom_alarm_action_rule" "rule" {
  for_each = {
    alarms  = { name = var.name, topic = huaweicloud_smn_topic.alarms, about = "Hands alarms to ${var.name}" }
    silence = { name = "${var.name}-silence", topic = huaweicloud_smn_topic.failures, about = "Says that ${var.name} hears nothing" }
  }

  name                  = each.value.name
  description           = each.value.about
  type                  = "1"
  user_name             = var.name
  notification_template = huaweicloud_aom_message_template.alarms.name

  smn_topics {
    topic_urn = each.value.topic.topic_urn
    name      = each.value.topic.name
  }
}
