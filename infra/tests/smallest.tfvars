# The smallest deployment: region, clusters, the Lark app, approvers, a chat and a gateway.
region              = "cn-north-4"
gateway_instance_id = "0123456789abcdef0123456789abcdef"
clusters            = [{ id = "0b6f3d2e-7a41-11f0-9f5d-0255ac100101", name = "shop-production" }]
chat_id             = "oc_0123456789abcdef"
approvers           = [{ id = "ou_0123456789abcdef" }]

lark_app_id             = "cli_0123456789abcdef"
lark_app_secret         = "planted-app-secret"
lark_encrypt_key        = "planted-encrypt-key"
lark_verification_token = "planted-token"
