# A workload reads what is kept for its namespace and its service account, and nothing else.
path "platform/data/workloads/{{identity.entity.aliases.@kubernetes@.metadata.service_account_namespace}}/{{identity.entity.aliases.@kubernetes@.metadata.service_account_name}}/*" {
  capabilities = ["read"]
}
