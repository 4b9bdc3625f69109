terraform {
  required_version = ">= 1.9.0, < 2.0.0" # 1.9: a validation may look at other variables

  required_providers {
    huaweicloud = {
      source  = "huaweicloud/huaweicloud"
      version = ">= 1.97.1, < 2.0.0"
    }
  }
}

# Credentials come from the environment: HW_ACCESS_KEY, HW_SECRET_KEY (and HW_DOMAIN_ID, HW_PROJECT_ID to save two look-ups).
provider "huaweicloud" {
  region    = var.region
  endpoints = var.provider_endpoints
}
