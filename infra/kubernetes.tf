locals {
  # An agency appears in a cluster as a user whose name is the agency's id.
  bindings = {
    cce-oncall-read  = { kind = "ClusterRoleBinding", role = "ClusterRole", namespace = null, agencies = ["read", "write"] }
    cce-oncall-write = { kind = "ClusterRoleBinding", role = "ClusterRole", namespace = null, agencies = ["write"] }
    cce-oncall-turns = { kind = "RoleBinding", role = "Role", namespace = local.lease_namespace, agencies = ["write"] }
  }
  kubernetes_manifests = join("---\n", concat(
    [file("${path.module}/kubernetes/read.yaml"), file("${path.module}/kubernetes/write.yaml")],
    [for name, b in local.bindings : yamlencode({
      apiVersion = "rbac.authorization.k8s.io/v1"
      kind       = b.kind
      metadata   = merge({ name = name }, b.namespace == null ? {} : { namespace = b.namespace })
      roleRef    = { apiGroup = "rbac.authorization.k8s.io", kind = b.role, name = name }
      subjects   = [for a in b.agencies : { apiGroup = "rbac.authorization.k8s.io", kind = "User", name = huaweicloud_identity_agency.function[a].id }]
    })],
  ))
}

resource "huaweicloud_cce_access_policy" "trial" {
  for_each = var.cce_access_policies ? { read = "CCEViewPolicy", write = "CCEEditPolicy" } : {}

  name        = "${var.name}-${each.key}"
  clusters    = var.clusters[*].id
  policy_type = each.value

  access_scope {
    namespaces = ["*"]
  }
  principal {
    type = "agency"
    ids  = [huaweicloud_identity_agency.function[each.key].id]
  }
}
