locals {
  own_secret  = var.lark_secret_name == null
  lark_secret = local.own_secret ? "${var.name}-lark-${substr(sha256(local.prefix), 0, 8)}" : var.lark_secret_name
}

# The provider keeps a hash of secret_text in its state, never the text.
resource "huaweicloud_csms_secret" "lark" {
  count = local.own_secret ? 1 : 0

  name        = local.lark_secret
  description = "Lark app of ${var.name}"
  kms_key_id  = huaweicloud_kms_key.records.id
  secret_text = jsonencode({
    app_secret         = var.lark_app_secret
    encrypt_key        = var.lark_encrypt_key
    verification_token = var.lark_verification_token
  })
  tags = local.tags
}
