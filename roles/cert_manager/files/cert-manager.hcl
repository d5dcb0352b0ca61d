# Signs what is asked for within the two roles; it can neither make keys in the Vault nor change the roles.
path "pki/sign/services" { capabilities = ["update"] }
path "pki/sign/ingress" { capabilities = ["update"] }
