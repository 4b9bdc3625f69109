# What has a default that works.

variable "name" {
  description = "Prefix of everything this deployment makes; another name is another deployment beside it."
  type        = string
  default     = "cce-oncall"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,28}[a-z0-9]$", var.name))
    error_message = "name is 3 to 30 lower-case letters, digits and hyphens, beginning with a letter."
  }
}

variable "bucket_prefix" {
  description = "Prefix of the two buckets, whose names are unique in all of OBS. Null: the name followed by eight digits of a hash of the gateway's id."
  type        = string
  default     = null

  validation {
    condition     = var.bucket_prefix == null || can(regex("^[a-z0-9][a-z0-9-]{1,55}$", var.bucket_prefix))
    error_message = "bucket_prefix is 2 to 56 lower-case letters, digits and hyphens."
  }
}

variable "packages" {
  description = "Folder of the functions' zips. Null: build/ beside this folder, where make build puts them."
  type        = string
  default     = null
}

variable "inline_limit" {
  description = "Largest package in bytes that goes with the API call; a larger one goes through the state bucket. FunctionGraph takes 50 MB."
  type        = number
  default     = 41943040

  validation {
    condition     = var.inline_limit >= 0 && var.inline_limit <= 52428800
    error_message = "inline_limit is at most 52428800: FunctionGraph takes no larger package with a call."
  }
}

variable "app" {
  description = "FunctionGraph application that the functions belong to."
  type        = string
  default     = "default"

  validation {
    condition     = can(regex("^[A-Za-z][A-Za-z0-9_-]{0,59}$", var.app))
    error_message = "app is 1 to 60 letters, digits, _ and -, beginning with a letter."
  }
}

variable "lark_base_url" {
  description = "Address of the platform: https://open.feishu.cn, or https://open.larksuite.com outside China."
  type        = string
  default     = "https://open.feishu.cn"

  validation {
    condition     = can(regex("^https?://[^/ ]+$", var.lark_base_url)) && (startswith(var.lark_base_url, "https://") || length(var.provider_endpoints) > 0)
    error_message = "lark_base_url is https://open.feishu.cn or https://open.larksuite.com, without a slash at the end."
  }
}

variable "lark_tenant_key" {
  description = "Refuse callbacks of any other Lark tenant. Empty: any tenant of the app."
  type        = string
  default     = ""
}

variable "language" {
  description = "Language of cards: zh, en or both."
  type        = string
  default     = "both"

  validation {
    condition     = contains(["zh", "en", "both"], var.language)
    error_message = "language is zh, en or both."
  }
}

variable "timezone" {
  description = "Time zone of cards, of the schedules and of the report's day."
  type        = string
  default     = "Asia/Shanghai"

  validation {
    condition     = contains(local.time_zones, var.timezone)
    error_message = "timezone ${var.timezone} does not exist: name a zone like Asia/Shanghai, Europe/Berlin or UTC."
  }
}

variable "inspect_schedule" {
  description = "When whole clusters are inspected: second minute hour day month weekday, in timezone."
  type        = string
  default     = "0 0 * * * ?"

  validation {
    condition     = can(regex(local.cron, var.inspect_schedule))
    error_message = "inspect_schedule has six fields, second first and weekdays by name: \"0 0 * * * ?\" is every full hour, MON-FRI in the last place is workdays."
  }
}

variable "report_schedule" {
  description = "When yesterday's report is posted: six fields, second first, in timezone."
  type        = string
  default     = "0 0 9 * * ?"

  validation {
    condition     = can(regex(local.cron, var.report_schedule))
    error_message = "report_schedule has six fields, second first and weekdays by name: \"0 0 9 * * ?\" is nine o'clock every day, MON-FRI in the last place is workdays."
  }
}

variable "watch_minutes" {
  description = "Minutes between looks for what was lost on the way: alarms without a card, executions without a run."
  type        = number
  default     = 1

  validation {
    condition     = contains(range(1, 11), var.watch_minutes)
    error_message = "watch_minutes is a whole number from 1 to 10: an execution that lost its run waits so long."
  }
}

variable "alarm_ingress" {
  description = "How alarms arrive: smn (a trigger of FunctionGraph), https (SMN posts to the gateway; for regions without the trigger)."
  type        = string
  default     = "smn"

  validation {
    condition     = contains(["smn", "https"], var.alarm_ingress)
    error_message = "alarm_ingress is smn or https."
  }
  validation {
    condition     = var.alarm_ingress != "smn" || contains(var.smn_trigger_regions, var.region)
    error_message = "FunctionGraph is not known to offer SMN triggers in ${var.region}: set alarm_ingress = \"https\", or add the region to smn_trigger_regions if its console offers them."
  }
}

variable "smn_trigger_regions" {
  description = "Regions where FunctionGraph offers SMN triggers, as published in August 2025; extend it when yours is new."
  type        = set(string)
  default     = ["cn-north-4", "cn-east-3", "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "tr-west-1", "sa-brazil-1", "la-south-2"]
}

variable "webhook_domain" {
  description = "Domain bound to the gateway for production. Null: the API group's own domain, which APIG limits to 1000 calls a day."
  type        = string
  default     = null

  validation {
    condition     = var.webhook_domain == null || can(regex("^([a-z0-9-]+\\.)+[a-z]{2,}$", var.webhook_domain))
    error_message = "webhook_domain is a bare domain like oncall.example.com, without https://."
  }
}

variable "alarm_rules" {
  description = "Make CCE's recommended alarm rules, for these clusters only. False when Alarm Center of CCE has made them already: then bind its rules to the notification rule of this deployment."
  type        = bool
  default     = true
}

variable "alarm_pace" {
  description = <<-EOT
    How AOM evaluates the recommended rules: every interval (15s, 30s, 1min to 59min, 1h to 24h), firing after so many hits in a row, and
    after the condition has held for "for" (null: what each rule recommends). Faster finds trouble sooner and noise too.
  EOT
  type        = object({ interval = optional(string, "1min"), times = optional(number, 3), for = optional(string) })
  default     = {}

  validation {
    condition     = can(regex("^(15s|30s|[1-9]min|[1-5][0-9]min|[1-9]h|1[0-9]h|2[0-4]h)$", var.alarm_pace.interval))
    error_message = "alarm_pace.interval is 15s, 30s, 1min to 59min or 1h to 24h."
  }
  validation {
    condition     = contains(range(1, 11), var.alarm_pace.times)
    error_message = "alarm_pace.times is a whole number from 1 to 10."
  }
  validation {
    condition     = var.alarm_pace.for == null || can(regex("^[1-9][0-9]*[smh]$", var.alarm_pace.for))
    error_message = "alarm_pace.for is a duration like 30s or 5m, or null for what each rule recommends."
  }
}

variable "alarm_template_locale" {
  description = "Locale of the notification template: zh-cn or en-us."
  type        = string
  default     = "zh-cn"

  validation {
    condition     = contains(["zh-cn", "en-us"], var.alarm_template_locale)
    error_message = "alarm_template_locale is zh-cn or en-us."
  }
}

variable "failure_emails" {
  description = "Who is mailed when a function has failed for good, or the dead-man rule fires; each confirms by a link."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for a in var.failure_emails : can(regex("^[^@ ]+@[^@ ]+\\.[^@ ]+$", a))])
    error_message = "failure_emails: one of them is no e-mail address."
  }
}

variable "policy" {
  description = "What holds for every cluster; what is left out keeps the functions' own default. Durations like 30m."
  type = object({
    two_for   = optional(list(string), ["costly", "destructive"])
    freezes   = optional(list(object({ from = string, until = string, namespaces = optional(list(string)), reason = optional(string) })), [])
    expiry    = optional(string, "30m")
    deadline  = optional(string, "2h")
    window    = optional(string, "20m")
    hops      = optional(number, 240)
    per_hour  = optional(number, 6)
    bad_share = optional(number, 0.5)
    rounds    = optional(number, 3)
  })
  default = {}

  validation {
    condition     = alltrue([for r in var.policy.two_for : contains(["reversible", "disruptive", "costly", "destructive"], r)])
    error_message = "policy.two_for: risks that need two people are among reversible, disruptive, costly and destructive."
  }
  validation {
    condition     = alltrue([for d in [var.policy.expiry, var.policy.deadline, var.policy.window] : can(regex("^([1-9][0-9]*h)?([1-9][0-9]*m)?([1-9][0-9]*s)?$", d)) && d != ""])
    error_message = "policy: expiry, deadline and window are durations like 30m or 1h30m."
  }
  validation {
    condition     = alltrue([for f in var.policy.freezes : can(timecmp(f.from, f.until)) && try(timecmp(f.from, f.until) < 0, false)])
    error_message = "policy.freezes: write from and until as times like 2026-12-31T00:00:00Z, from first."
  }
  validation {
    condition     = var.policy.bad_share > 0 && var.policy.bad_share <= 1 && var.policy.per_hour >= 1 && var.policy.rounds >= 1 && var.policy.hops >= 1
    error_message = "policy: bad_share is above 0 and at most 1; per_hour, rounds and hops are at least 1."
  }
}

variable "paused" {
  description = "Kill switch: while true nothing is executed; diagnosis and cards go on."
  type        = bool
  default     = false
}

variable "log_level" {
  description = "What the functions log: debug, info, warn or error."
  type        = string
  default     = "info"

  validation {
    condition     = contains(["debug", "info", "warn", "error"], var.log_level)
    error_message = "log_level is debug, info, warn or error."
  }
}

variable "log_days" {
  description = "Days the functions' logs are kept in LTS."
  type        = number
  default     = 30

  validation {
    condition     = contains(range(1, 366), var.log_days)
    error_message = "log_days is a whole number from 1 to 365."
  }
}

variable "keep_days" {
  description = "Days that incidents, reports and the audit trail are kept."
  type        = number
  default     = 1095

  validation {
    condition     = var.keep_days == floor(var.keep_days) && var.keep_days >= 120
    error_message = "keep_days is a whole number of at least 120: after 90 days records move to the cheaper storage class, which bills 30 days at least."
  }
}

variable "max_instances" {
  description = "Most instances of each function at a time; requests above it are dropped, so it is a fuse and not a lock."
  type        = object({ inspect = optional(number, 20), diagnose = optional(number, 20), webhook = optional(number, 20), execute = optional(number, 20), report = optional(number, 2) })
  default     = {}

  validation {
    condition     = alltrue([for n in values(var.max_instances) : n == floor(n) && n >= 1 && n <= 1000])
    error_message = "max_instances are whole numbers from 1 to 1000; to stop a deployment set paused instead."
  }
  validation {
    condition     = alltrue([for n in [var.max_instances.execute, var.max_instances.inspect, var.max_instances.diagnose] : n >= 2])
    error_message = "max_instances of execute, inspect and diagnose are at least 2: each wakes itself before it returns, and with one instance that wake-up is dropped."
  }
}

variable "vpc" {
  description = "Attach inspect, diagnose and execute to a VPC, for clusters whose API server is private (access = certificate). The subnet needs a way out to Lark and the cloud's APIs."
  type        = object({ id = string, subnet_id = string })
  default     = null

  validation {
    condition     = var.vpc == null || try(length(var.vpc.id) > 0 && length(var.vpc.subnet_id) > 0, false)
    error_message = "vpc: copy the id of the VPC and of its subnet from the console, or leave vpc out."
  }
}

variable "cce_access_policies" {
  description = "Grant Kubernetes rights by CCE access policies (CCEViewPolicy; CCEEditPolicy) beside the manifests. Wider on Secrets and blind to nodes: for a trial, not for production."
  type        = bool
  default     = false
}

variable "verify_clusters" {
  description = "Ask CCE while planning whether the clusters exist. make deploy sets it; false keeps a plan free of calls."
  type        = bool
  default     = false
}

variable "keep_on_destroy" {
  description = "Refuse to destroy buckets that hold records. False only to throw a trial away."
  type        = bool
  default     = true
}

variable "tags" {
  description = "Tags on everything that takes tags."
  type        = map(string)
  default     = {}
}

# Only for a cloud that is not the real one: the local cloud, a test.

variable "provider_endpoints" {
  description = "Addresses of the services for the provider, by its own names; empty for the real cloud."
  type        = map(string)
  default     = {}
}

variable "function_endpoints" {
  description = "Addresses of the services for the functions (aom cce lts cts smn functiongraph obs csms gateway); empty for the real cloud."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(var.provider_endpoints) > 0 || alltrue([for a in values(var.function_endpoints) : startswith(a, "https://")])
    error_message = "function_endpoints: ${join(", ", [for service, a in var.function_endpoints : service if !startswith(a, "https://")])} would be called in clear: write https://, or leave the service out."
  }
}

variable "obs_path_style" {
  description = "Address objects as host/bucket/key: only for local S3 servers, OBS refuses it."
  type        = bool
  default     = false

  validation {
    condition     = !var.obs_path_style || length(var.function_endpoints) > 0
    error_message = "obs_path_style is only for a local S3 server: OBS refuses path style."
  }
}
