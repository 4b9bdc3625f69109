# One deployment: functions.tf runs it, triggers.tf and notify.tf wake it, storage.tf keeps it, identity.tf bounds it.

locals {
  role_names = ["inspect", "diagnose", "webhook", "execute", "report"]
  packages   = coalesce(var.packages, abspath("${path.module}/../build"))
  prefix     = coalesce(var.bucket_prefix, "${var.name}-${substr(sha256(var.gateway_instance_id), 0, 8)}")
  state      = "${local.prefix}-state"
  audit      = "${local.prefix}-audit"
  domain_id  = huaweicloud_kms_key.records.domain_id # the account's own id, without asking for it
  tags       = merge(var.tags, { app = var.name })

  time_zones = flatten([["UTC"], [for continent, places in yamldecode(file("${path.module}/time_zones.yaml")) : [for p in places : "${continent}/${p}"]]])
  # second minute hour day month weekday; weekdays have names, because some count them from 0 and some from 1
  cron = "^${join(" ", [for values in [
    "[0-5]?[0-9]", "[0-5]?[0-9]", "(?:[01]?[0-9]|2[0-3])", "(?:0?[1-9]|[12][0-9]|3[01])", "(?:0?[1-9]|1[0-2]|JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)", "(?:SUN|MON|TUE|WED|THU|FRI|SAT)",
  ] : replace("(?:(?:[*?]|V(?:-V)?)(?:/[1-9][0-9]?)?)(?:,(?:[*?]|V(?:-V)?)(?:/[1-9][0-9]?)?)*", "V", values)])}$"

  lease_namespace = "cce-oncall" # as in kubernetes/write.yaml
  read            = "${var.name}-read"
  write           = "${var.name}-write"

  # Left out when empty, because all variables of a function together may have 4096 characters. A list too long for that is an object in
  # the state bucket, whose name tells its contents: config takes no other list.
  clusters = [for c in var.clusters : merge(
    {
      id        = c.id
      name      = c.name
      chat      = c.chat != "" ? c.chat : var.chat_id
      approvers = [for a in(length(c.approvers) > 0 ? c.approvers : var.approvers) : { for k, v in a : k => v if v != null }]
    },
    c.prometheus == "" ? {} : { prometheus = c.prometheus },
    length(c.routes) == 0 ? {} : { routes = c.routes },
    c.access == "gateway" ? {} : { kubeconfig = "certificate", endpoint = c.endpoint },
    c.log_group == "" ? {} : { logGroup = c.log_group, logStream = c.log_stream },
  )]

  policy = {
    twoFor   = var.policy.two_for
    freezes  = [for f in var.policy.freezes : { for k, v in f : k => v if v != null }]
    expiry   = var.policy.expiry
    deadline = var.policy.deadline
    window   = var.policy.window
    hops     = var.policy.hops
    perHour  = var.policy.per_hour
    badShare = var.policy.bad_share
    rounds   = var.policy.rounds
  }

  cluster_list = jsonencode(local.clusters)
  by_object    = length(jsonencode(merge(local.settings, { CLUSTERS = local.cluster_list, CLUSTERS_OBJECT = "" }))) > 4096
  environment = merge(local.settings, {
    CLUSTERS        = local.by_object ? "" : local.cluster_list
    CLUSTERS_OBJECT = local.by_object ? huaweicloud_obs_bucket_object.clusters[0].key : ""
  })

  # What shared/config reads, but for what the platform says itself and for secrets, which have a name only.
  settings = {
    REGION           = var.region
    ENDPOINTS        = jsonencode(var.function_endpoints)
    STATE_BUCKET     = local.state
    OBS_PATH_STYLE   = tostring(var.obs_path_style)
    FUNCTIONS        = jsonencode({ for r in local.role_names : r => "${var.name}-${r}" })
    LEASE_NAMESPACE  = local.lease_namespace
    LARK_BASE_URL    = var.lark_base_url
    LARK_APP_ID      = var.lark_app_id
    LARK_SECRET_NAME = local.lark_secret
    LARK_TENANT_KEY  = var.lark_tenant_key
    LANGUAGE         = var.language
    TIMEZONE         = var.timezone
    POLICY           = jsonencode(local.policy)
    PAUSED           = tostring(var.paused)
    OWN_PRINCIPALS   = join(",", [local.read, local.write])
    LOG_LEVEL        = var.log_level
  }
}

# Asked for only when verify_clusters says so: a plan needs no call otherwise.
data "huaweicloud_cce_clusters" "known" {
  count = var.verify_clusters ? 1 : 0

  lifecycle {
    postcondition {
      condition     = length(setsubtract(var.clusters[*].id, self.ids)) == 0
      error_message = "CCE knows no cluster ${join(", ", setsubtract(var.clusters[*].id, self.ids))} in ${var.region}: correct the id, or the region, or the project of the credentials."
    }
  }
}
