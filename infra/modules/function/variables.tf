variable "name" {
  description = "Name of the function, 2 to 60 characters."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z][A-Za-z0-9_-]{0,58}[A-Za-z0-9]$", var.name))
    error_message = "The function's name is 2 to 60 letters, digits, _ and -."
  }
}

variable "app" {
  description = "FunctionGraph application."
  type        = string
}

variable "description" {
  description = "What it does, for people in the console."
  type        = string
}

variable "zip" {
  description = "Path of the package, whose bytes are those of one commit."
  type        = string

  validation {
    condition     = try(fileexists(var.zip), false)
    error_message = "${var.zip} is not there: run make build, or point packages at the folder of the zips."
  }
  validation {
    condition     = !try(fileexists(var.zip), false) || try(startswith(filebase64(var.zip), "UEsDB"), false)
    error_message = "${var.zip} is no readable zip: run make build again."
  }
}

variable "inline_limit" {
  description = "Largest package in bytes that goes with the API call; a larger one goes through code_bucket. FunctionGraph takes 50 MB."
  type        = number
}

variable "code_bucket" {
  description = "Bucket for packages above inline_limit."
  type        = string
}

variable "region" {
  description = "Region of the bucket, for the package's address."
  type        = string
}

variable "runtime" {
  description = "Custom: a zip with one static binary named bootstrap."
  type        = string
  default     = "Custom"

  validation {
    condition     = contains(["Custom", "http"], var.runtime)
    error_message = "runtime is Custom or http: the packages hold a binary and no source."
  }
}

variable "memory" {
  description = "Memory in MB."
  type        = number

  validation {
    condition     = contains([128, 256, 512, 768, 1024, 1280, 1536, 1792, 2048, 2560, 3072, 3584, 4096], var.memory)
    error_message = "memory is one of FunctionGraph's sizes: 128, 256, 512, 768, 1024 … 4096 MB."
  }
}

variable "timeout" {
  description = "Seconds an invocation may take."
  type        = number

  validation {
    condition     = var.timeout >= 3 && var.timeout <= 259200
    error_message = "timeout is 3 to 259200 seconds."
  }
}

variable "max_instances" {
  description = "Most instances at a time."
  type        = number
}

variable "agency" {
  description = "Agency whose credentials the function gets, and by which the platform configures it."
  type        = string
}

variable "environment" {
  description = "Variables. Shown in clear in the console, so no secret may be among them."
  type        = map(string)

  validation {
    condition     = length(var.environment) <= 20
    error_message = "A function has at most 20 variables."
  }
  validation {
    condition     = length(jsonencode(var.environment)) <= 4096
    error_message = "The variables take ${length(jsonencode(var.environment))} of the 4096 characters that a function may have, although the clusters are not among them: name fewer freezes in policy."
  }
}

variable "vpc" {
  description = "VPC and subnet to attach to; null: none."
  type        = object({ id = string, subnet_id = string })
  default     = null
}

variable "log_group" {
  description = "LTS group."
  type        = object({ id = string, name = string })
}

variable "log_stream" {
  description = "LTS stream."
  type        = object({ id = string, name = string })
}

variable "retries" {
  description = "How often a failed asynchronous run is repeated."
  type        = number

  validation {
    condition     = contains([0, 1, 2, 3], var.retries)
    error_message = "retries is 0 to 3."
  }
}

variable "max_age" {
  description = "Seconds after which an asynchronous event that found no instance is given up."
  type        = number

  validation {
    condition     = var.max_age >= 1 && var.max_age <= 86400
    error_message = "max_age is 1 to 86400 seconds."
  }
}

variable "failure_topic" {
  description = "URN of the SMN topic that hears of runs given up."
  type        = string
}

variable "tags" {
  description = "Tags of the function."
  type        = map(string)
  default     = {}
}
