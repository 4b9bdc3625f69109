# Bad input is refused at plan. That each refusal is one sentence which says what to change is checked in plan_test.go.

mock_provider "huaweicloud" {}

variables {
  region                  = "cn-north-4"
  gateway_instance_id     = "0123456789abcdef0123456789abcdef"
  clusters                = [{ id = "0b6f3d2e-7a41-11f0-9f5d-0255ac100101", name = "shop-production" }]
  chat_id                 = "oc_0123456789abcdef"
  approvers               = [{ id = "ou_0123456789abcdef" }]
  lark_app_id             = "cli_0123456789abcdef"
  lark_app_secret         = "planted-app-secret"
  lark_encrypt_key        = "planted-encrypt-key"
  lark_verification_token = "planted-token"
}

run "the_smallest_deployment" {
  command = plan

  assert {
    condition     = length(module.function) == 5
    error_message = "five functions"
  }
  assert {
    condition     = length(huaweicloud_fgs_function_trigger.timer) == 3 && length(huaweicloud_fgs_function_trigger.alarms) == 1
    error_message = "three timers and the alarms' trigger"
  }
}

run "no_cluster" {
  command = plan
  variables { clusters = [] }
  expect_failures = [var.clusters]
}

run "wrong_cluster_id" {
  command = plan
  variables { clusters = [{ id = "shop", name = "shop-production" }] }
  expect_failures = [var.clusters]
}

run "cluster_twice" {
  command = plan
  variables {
    clusters = [
      { id = "0b6f3d2e-7a41-11f0-9f5d-0255ac100101", name = "shop-production" },
      { id = "0b6f3d2e-7a41-11f0-9f5d-0255ac100101", name = "shop-staging" },
    ]
  }
  expect_failures = [var.clusters]
}

run "no_approvers" {
  command = plan
  variables { approvers = [] }
  expect_failures = [var.clusters]
}

run "approver_of_another_app" {
  command = plan
  variables { approvers = [{ id = "lin@example.com" }] }
  expect_failures = [var.approvers]
}

run "unknown_risk" {
  command = plan
  variables { approvers = [{ id = "ou_1", risks = ["R3"] }] }
  expect_failures = [var.approvers]
}

run "no_chat" {
  command = plan
  variables { chat_id = "" }
  expect_failures = [var.chat_id]
}

run "no_encrypt_key" {
  command = plan
  variables { lark_encrypt_key = null }
  expect_failures = [var.lark_encrypt_key]
}

run "no_gateway" {
  command = plan
  variables { gateway_instance_id = "" }
  expect_failures = [var.gateway_instance_id]
}

run "region_without_smn_trigger" {
  command = plan
  variables { region = "af-south-1" }
  expect_failures = [var.alarm_ingress]
}

run "unknown_ingress" {
  command = plan
  variables { alarm_ingress = "kafka" }
  expect_failures = [var.alarm_ingress]
}

run "schedule_with_five_fields" {
  command = plan
  variables { report_schedule = "0 9 * * *" }
  expect_failures = [var.report_schedule]
}

run "policy_with_unknown_risk" {
  command = plan
  variables { policy = { two_for = ["everything"] } }
  expect_failures = [var.policy]
}

run "freeze_that_ends_before_it_begins" {
  command = plan
  variables { policy = { freezes = [{ from = "2026-12-31T00:00:00Z", until = "2026-12-30T00:00:00Z" }] } }
  expect_failures = [var.policy]
}

run "path_style_on_obs" {
  command = plan
  variables { obs_path_style = true }
  expect_failures = [var.obs_path_style]
}

run "one_instance_of_execute" {
  command = plan
  variables { max_instances = { execute = 1 } }
  expect_failures = [var.max_instances]
}

run "a_pace_that_aom_does_not_have" {
  command = plan
  variables { alarm_pace = { interval = "5s" } }
  expect_failures = [var.alarm_pace]
}

run "region_by_https" {
  command = plan
  variables {
    region        = "af-south-1"
    alarm_ingress = "https"
  }

  assert {
    condition     = length(huaweicloud_fgs_function_trigger.alarms) == 0 && length(huaweicloud_fgs_function_trigger.gateway) == 2 && length(huaweicloud_smn_subscription.alarms) == 1
    error_message = "without an SMN trigger the alarms come through the gateway"
  }
}

run "secret_kept_elsewhere" {
  command = plan
  variables {
    lark_secret_name        = "our-lark-app"
    lark_app_secret         = null
    lark_encrypt_key        = null
    lark_verification_token = null
  }

  assert {
    condition     = length(huaweicloud_csms_secret.lark) == 0
    error_message = "Terraform makes no secret that it was not given"
  }
}
