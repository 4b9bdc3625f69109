# Merged into the module's provider block where it is applied to the emulated cloud, whose keys these are.
provider "huaweicloud" {
  access_key              = "EMULATORACCESSKEY000"
  secret_key              = "emulator-secret-key-not-real-0000000000"
  project_id              = "0123456789abcdef0123456789abcdef"
  domain_id               = "fedcba9876543210fedcba9876543210"
  auth_url                = "${var.provider_endpoints["iam"]}/v3"
  cloud                   = "emulator.test"
  insecure                = true
  skip_check_website_type = true
  max_retries             = 1
}
