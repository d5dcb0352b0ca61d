"""What every module says of the set of a backup that it writes to or reads from."""

from __future__ import annotations


class ModuleDocFragment:
    """The option `backup`, which `backup_set.ACCESS` declares."""

    DOCUMENTATION = r"""
options:
  backup:
    description: The set that is made or given back.
    type: dict
    required: true
    suboptions:
      folder: {description: "Where sets have folders, and in them components.", type: path, required: true}
      id: {description: The set's name., type: str, required: true}
      passphrase: {description: What its files are encrypted with., type: str, required: true}
"""
