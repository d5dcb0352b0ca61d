"""What every module says of how it logs in to the site's Vault."""

from __future__ import annotations


class ModuleDocFragment:
    """The option `vault`, which `vault_site.ACCESS` declares."""

    DOCUMENTATION = r"""
options:
  vault:
    description: How the platform logs in to its Vault.
    type: dict
    required: true
    suboptions:
      urls: {description: Servers and where they answer., type: dict, required: true}
      ca_certificate: {description: The authority of their certificates., type: path, required: true}
      secrets: {description: The file of what it logs in with; it is kept encrypted., type: path, required: true}
      passphrase: {description: What that file is encrypted with., type: str, required: true}
"""
