"""Read what the platform keeps in a lab's Vault, as its own modules do."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from typing import Any

from tests.system.site import PROJECT, LabSite

_READER = """
import json, sys
from ansible_collections.platform.base.plugins.module_utils.vault_site import read_secret, vault_of
given = json.load(sys.stdin)
with vault_of({"vault": given["access"], "seconds": 60}) as client:
    print(json.dumps(read_secret(client, given["path"])))
"""


def read_secret(site: LabSite, path: str) -> dict[str, Any]:
    """Return what is kept at a path; empty when there is nothing."""
    kept, authority = site.state / "vault-access", site.state / "platform-authority.crt"
    kept.touch(mode=0o600)
    kept.write_bytes(base64.b64decode(site.on("admin1", "base64 /etc/platform/vault/secrets")))
    authority.write_text(site.on("admin1", "cat /etc/platform/ca.crt"))
    access = {
        "urls": {"cp1": "https://10.77.0.11:8200", "cp2": "https://10.77.0.12:8200", "cp3": "https://10.77.0.13:8200"},
        "ca_certificate": str(authority),
        "secrets": str(kept),
        "passphrase": (site.state / "keys" / "authority_passphrase").read_text().strip(),
    }
    inside = [str(site.program), "lab", "exec", "--inventory", str(site.inventory), sys.executable, "-c", _READER]
    done = subprocess.run(
        inside,
        env={**site.environment, "PYTHONPATH": str(PROJECT / "collections")},
        input=json.dumps({"access": access, "path": path}), capture_output=True, text=True, check=False,
    )  # fmt: skip
    kept.unlink()
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found
