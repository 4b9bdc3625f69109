# What every deployment says.

variable "region" {
  description = "Region of the functions, buckets and clusters, such as cn-north-4."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}-[a-z]+-[0-9]+[a-z]?$", var.region))
    error_message = "region is not a region's id: write it like cn-north-4."
  }
}

variable "clusters" {
  description = <<-EOT
    The watched CCE clusters. Only id and name are needed; chat and approvers default to chat_id and approvers.
    prometheus: AOM Prometheus instance (empty: found through the cie-collector add-on, and alarm rules go to the default instance).
    access: "gateway" (default) or "certificate" (a 30-minute client certificate; endpoint internal or external).
    log_group, log_stream: LTS ids of the cluster's container logs. routes: other chats for some namespaces.
  EOT
  type = list(object({
    id         = string
    name       = string
    prometheus = optional(string, "")
    access     = optional(string, "gateway")
    endpoint   = optional(string, "internal")
    chat       = optional(string, "")
    approvers = optional(list(object({
      id         = string
      name       = optional(string)
      namespaces = optional(list(string))
      risks      = optional(list(string))
    })), [])
    routes     = optional(list(object({ namespaces = list(string), chat = string })), [])
    log_group  = optional(string, "")
    log_stream = optional(string, "")
  }))

  validation {
    condition     = length(var.clusters) > 0
    error_message = "clusters is empty: name at least one cluster as { id = \"…\", name = \"…\" }."
  }
  validation {
    condition     = alltrue([for c in var.clusters : can(regex("^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$", c.id))])
    error_message = "clusters: ${join(", ", [for c in var.clusters : c.id if !can(regex("^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$", c.id))])} is no cluster id: copy the 36-character id from the cluster's page in the CCE console."
  }
  validation {
    condition     = length(distinct(var.clusters[*].id)) == length(var.clusters) && length(distinct(var.clusters[*].name)) == length(var.clusters)
    error_message = "clusters: ${join(", ", distinct([for c in var.clusters : c.name if length([for o in var.clusters : o if o.id == c.id || o.name == c.name]) > 1]))} share an id or a name: remove one, or correct it."
  }
  validation {
    condition     = alltrue([for c in var.clusters : can(regex("^[a-z][a-z0-9-]{2,126}[a-z0-9]$", c.name))])
    error_message = "clusters: a name is not the cluster's name in CCE: 4 to 128 lower-case letters, digits and hyphens."
  }
  validation {
    condition     = alltrue([for c in var.clusters : contains(["gateway", "certificate"], c.access) && contains(["internal", "external"], c.endpoint)])
    error_message = "clusters: access is gateway or certificate, and endpoint is internal or external."
  }
  validation {
    condition     = var.vpc != null || alltrue([for c in var.clusters : c.access != "certificate" || c.endpoint != "internal"])
    error_message = "clusters: ${join(", ", [for c in var.clusters : c.name if c.access == "certificate" && c.endpoint == "internal"])} has an internal endpoint, which no function reaches: set vpc, or endpoint = \"external\"."
  }
  validation {
    condition     = alltrue([for c in var.clusters : can(regex("^[0-9A-Za-z-]{0,64}$", c.prometheus))])
    error_message = "clusters: prometheus is the id of an AOM Prometheus instance: copy it from the AOM console, or leave it out."
  }
  validation {
    condition     = alltrue(flatten([for c in var.clusters : [for r in c.routes : length(r.namespaces) > 0 && r.chat != ""]]))
    error_message = "clusters: a route needs at least one namespace and a chat."
  }
  validation {
    condition     = alltrue([for c in var.clusters : length(distinct(c.approvers[*].id)) == length(c.approvers)])
    error_message = "clusters: an approver is named twice: join the two entries to one."
  }
  validation {
    condition     = alltrue([for c in var.clusters : (c.log_group == "") == (c.log_stream == "")])
    error_message = "clusters: log_group and log_stream belong together: set both or neither."
  }
  validation {
    condition     = alltrue(flatten([for c in var.clusters : [for x in concat([c.chat], c.routes[*].chat) : x == "" || can(regex("^oc_[0-9A-Za-z_-]+$", x))]]))
    error_message = "clusters: a chat is not a Lark chat id: it begins with oc_."
  }
  validation {
    condition     = alltrue(flatten([for c in var.clusters : [for a in c.approvers : can(regex("^ou_[0-9A-Za-z_-]+$", a.id))]]))
    error_message = "clusters: an approver's id is not an open_id of this Lark app: it begins with ou_."
  }
  validation {
    condition     = alltrue(flatten([for c in var.clusters : [for a in c.approvers : [for r in coalesce(a.risks, []) : contains(["read-only", "reversible", "disruptive", "costly", "destructive"], r)]]]))
    error_message = "clusters: an approver's risks are among read-only, reversible, disruptive, costly and destructive."
  }
  validation {
    condition     = length(var.approvers) > 0 || alltrue([for c in var.clusters : length(c.approvers) > 0])
    error_message = "approvers are missing for ${join(", ", [for c in var.clusters : c.name if length(c.approvers) == 0])}: set approvers, or approvers of each cluster, or nobody can confirm anything."
  }
}

variable "approvers" {
  description = "Who may confirm a plan, where a cluster names nobody: open_ids of this Lark app, narrowed to namespaces and risks."
  type = list(object({
    id         = string
    name       = optional(string)
    namespaces = optional(list(string))
    risks      = optional(list(string))
  }))
  default = []

  validation {
    condition     = alltrue([for a in var.approvers : can(regex("^ou_[0-9A-Za-z_-]+$", a.id))])
    error_message = "approvers: an id is not an open_id of this Lark app: it begins with ou_."
  }
  validation {
    condition     = length(distinct(var.approvers[*].id)) == length(var.approvers)
    error_message = "approvers: somebody is named twice: join the two entries to one."
  }
  validation {
    condition     = alltrue(flatten([for a in var.approvers : [for r in coalesce(a.risks, []) : contains(["read-only", "reversible", "disruptive", "costly", "destructive"], r)]]))
    error_message = "approvers: risks are among read-only, reversible, disruptive, costly and destructive."
  }
}

variable "chat_id" {
  description = "Lark chat that gets the cards of clusters without a chat of their own (oc_…)."
  type        = string
  default     = ""

  validation {
    condition     = var.chat_id == "" || can(regex("^oc_[0-9A-Za-z_-]+$", var.chat_id))
    error_message = "chat_id is not a Lark chat id: it begins with oc_."
  }
  validation {
    condition     = var.chat_id != "" || alltrue([for c in var.clusters : c.chat != ""])
    error_message = "chat_id is missing: set it, or a chat for each cluster, or its cards have no place to go."
  }
}

variable "lark_app_id" {
  description = "App ID of the Lark app (cli_…)."
  type        = string

  validation {
    condition     = can(regex("^cli_[0-9A-Za-z_-]+$", var.lark_app_id))
    error_message = "lark_app_id is not an app id: it begins with cli_."
  }
}

variable "lark_app_secret" {
  description = "App Secret of the Lark app. Goes to CSMS and nowhere else; set TF_VAR_lark_app_secret rather than a file."
  type        = string
  default     = null
  sensitive   = true

  validation {
    condition     = var.lark_secret_name != null || try(length(var.lark_app_secret) > 0, false)
    error_message = "lark_app_secret is missing: set TF_VAR_lark_app_secret, or lark_secret_name to a CSMS secret that holds it."
  }
}

variable "lark_encrypt_key" {
  description = "Encrypt Key of the Lark app: without it anybody could forge a confirmation."
  type        = string
  default     = null
  sensitive   = true

  validation {
    condition     = var.lark_secret_name != null || try(length(var.lark_encrypt_key) > 0, false)
    error_message = "lark_encrypt_key is missing: set one in the Lark app (Events & Callbacks) and in TF_VAR_lark_encrypt_key, or anybody could forge a confirmation."
  }
}

variable "lark_verification_token" {
  description = "Verification Token of the Lark app."
  type        = string
  default     = null
  sensitive   = true

  validation {
    condition     = var.lark_secret_name != null || try(length(var.lark_verification_token) > 0, false)
    error_message = "lark_verification_token is missing: copy it from the Lark app (Events & Callbacks) to TF_VAR_lark_verification_token."
  }
}

variable "lark_secret_name" {
  description = "Name of an existing CSMS secret {\"app_secret\",\"encrypt_key\",\"verification_token\"}; with it Terraform never sees the values. Null: Terraform makes the secret."
  type        = string
  default     = null

  validation {
    condition     = var.lark_secret_name == null || can(regex("^[A-Za-z0-9_.-]{1,64}$", var.lark_secret_name))
    error_message = "lark_secret_name is not a CSMS name: 1 to 64 letters, digits, _ . and -."
  }
}

variable "gateway_instance_id" {
  description = "Id of an existing dedicated API gateway (APIG) that Lark can reach from the internet."
  type        = string

  validation {
    condition     = can(regex("^[0-9a-f]{32}$", var.gateway_instance_id)) || can(regex("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", var.gateway_instance_id))
    error_message = "gateway_instance_id is no instance id: copy the 32-digit id of a dedicated gateway from the APIG console."
  }
}
