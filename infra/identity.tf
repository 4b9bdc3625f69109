locals {
  # Reading a cluster, its alarms, metrics, logs and changes. Nothing here changes anything outside this deployment; what the functions
  # must write is their own: records in the state bucket (a data key for each), a run of another function, a failure notice.
  look = concat([
    "aom:alarm:list", "aom:alarmRule:list", "aom:muteRule:list",           # the alarm again as it is now, its rule's pace, who silenced it
    "aom:metric:list",                                                     # PromQL: what was measured
    "cce:cluster:getCluster",                                              # its state, and whether it is the cluster that was named
    "cce:node:list", "cce:node:getNode",                                   # a node's server and its state, where Kubernetes has lost it
    "cce:nodepool:list", "cce:nodepool:getNodepool",                       # sizes and bounds: what can grow, and whether it has
    "cce:addonInstance:list", "cce:addonInstance:get",                     # the Prometheus instance, and add-ons that do not work
    "cts:trace:list",                                                      # who changed what before it broke
    "lts:logs:list",                                                       # containers' logs, where they are collected
    "csms:secretVersion:get", "csms:secretStage:get",                      # the Lark app's secrets
    "kms:cmk:get", "kms:dek:create", "kms:dek:encrypt", "kms:dek:decrypt", # records are encrypted: OBS asks for a data key in the caller's name
    "functiongraph:function:invokeAsync",                                  # wake another function of this deployment
    "smn:topic:publish", "smn:topic:list",                                 # the platform tells of a run given up in the function's name
    ],
    # a certificate for half an hour, for clusters that are not reached through CCE's gateway
    anytrue([for c in var.clusters : c.access == "certificate"]) ? ["cce:cluster:generateClientCredential"] : [],
    # the platform attaches functions to the VPC in their name
    var.vpc == null ? [] : ["vpc:ports:create", "vpc:ports:get", "vpc:ports:delete", "vpc:vpcs:get", "vpc:subnets:get", "vpc:securityGroups:get"],
  )
  change = ["cce:nodepool:scale", "cce:node:delete"] # what execute's cloud actions take; the rest it does in Kubernetes

  records = [
    { Effect = "Allow", Action = ["obs:bucket:ListBucket"], Resource = ["OBS:*:*:bucket:${local.state}"] },
    { Effect = "Allow", Action = ["obs:object:GetObject", "obs:object:PutObject"], Resource = ["OBS:*:*:object:${local.state}/*"] },
  ]

  # A policy speaks of regional services (XA) or of global ones such as OBS (AX), never of both.
  policies = {
    read          = { type = "XA", about = "Looks, and changes nothing", statement = [{ Effect = "Allow", Action = local.look, Resource = null }] }
    write         = { type = "XA", about = "Execute's changes to node pools", statement = [{ Effect = "Allow", Action = local.change, Resource = null }] }
    records       = { type = "AX", about = "Reads and adds records", statement = local.records }
    audit         = { type = "AX", about = "OBS writes its access log", statement = [{ Effect = "Allow", Action = ["obs:object:PutObject"], Resource = ["OBS:*:*:object:${local.audit}/*"] }] }
    audit-encrypt = { type = "XA", about = "OBS encrypts its access log", statement = [{ Effect = "Allow", Action = ["kms:cmk:get", "kms:dek:create", "kms:dek:encrypt", "kms:dek:decrypt"], Resource = null }] }
  }
  agencies = {
    read  = { name = local.read, regional = ["read"] }
    write = { name = local.write, regional = ["read", "write"] }
  }
}

resource "huaweicloud_identity_role" "policy" {
  for_each = local.policies

  name        = "${var.name}-${each.key}"
  description = each.value.about
  type        = each.value.type
  policy      = jsonencode({ Version = "1.1", Statement = [for s in each.value.statement : { for k, v in s : k => v if v != null }] })
}

resource "huaweicloud_identity_agency" "function" {
  for_each = local.agencies

  name                   = each.value.name
  description            = "Functions of ${var.name} that ${each.key}"
  delegated_service_name = "op_svc_cff"
  duration               = "FOREVER"
  domain_roles           = [huaweicloud_identity_role.policy["records"].name]

  project_role {
    project = var.region
    roles   = [for p in each.value.regional : huaweicloud_identity_role.policy[p].name]
  }
}

# OBS itself, for the access log of the state bucket.
resource "huaweicloud_identity_agency" "audit" {
  name                   = "${var.name}-audit"
  description            = "OBS writes the access log of ${var.name}"
  delegated_service_name = "op_svc_obs"
  duration               = "FOREVER"
  domain_roles           = [huaweicloud_identity_role.policy["audit"].name]

  project_role {
    project = var.region
    roles   = [huaweicloud_identity_role.policy["audit-encrypt"].name]
  }
}
