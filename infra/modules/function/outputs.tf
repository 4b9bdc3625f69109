output "urn" {
  description = "URN of the function, with its version."
  value       = huaweicloud_fgs_function.this.urn
}

output "name" {
  description = "Name of the function."
  value       = huaweicloud_fgs_function.this.name
}
