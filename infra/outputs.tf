output "webhook_url" {
  description = "Paste it into the Lark app as request URL, for events and for callbacks."
  value       = "https://${var.webhook_domain != null ? var.webhook_domain : try(jsondecode(huaweicloud_fgs_function_trigger.gateway["webhook"].event_data).sl_domain, local.webhook_host)}${local.webhook_path}"
}

output "topics" {
  description = "URNs of the topics: alarms come in, failures go out."
  value       = { alarms = huaweicloud_smn_topic.alarms.topic_urn, failures = huaweicloud_smn_topic.failures.topic_urn }
}

output "buckets" {
  description = "Names of the buckets: records, and the log of who touched them."
  value       = { state = huaweicloud_obs_bucket.state.bucket, audit = huaweicloud_obs_bucket.audit.bucket }
}

output "functions" {
  description = "URNs of the functions, by role."
  value       = { for r, f in module.function : r => f.urn }
}

output "clusters" {
  description = "The watched clusters, name to id."
  value       = { for c in var.clusters : c.name => c.id }
}

output "notification_rule" {
  description = "AOM notification rule to bind to alarm rules of your own."
  value       = huaweicloud_aom_alarm_action_rule.rule["alarms"].name
}

output "agencies" {
  description = "Ids of the agencies, which are their users' names in a cluster."
  value       = { for r, a in huaweicloud_identity_agency.function : r => a.id }
}

output "log_group" {
  description = "LTS group of the functions' logs."
  value       = huaweicloud_lts_group.functions.group_name
}

output "kubernetes_manifests" {
  description = "Roles and bindings for every cluster: terraform output -raw kubernetes_manifests | kubectl apply -f -"
  value       = local.kubernetes_manifests
}
