"""The site's Vault as the admin host reads it, through the one address it has."""

from __future__ import annotations

import json
from typing import Any

from tests.system.planted import VAULT_LIBRARIES, VAULT_URL, vault_account
from tests.system.site import CONTROL_PLANES, LabSite

_PATH = "object_storage/velero"
_READ = f"""
import hvac, time

def read():
    return client.secrets.kv.v2.read_secret_version({_PATH!r}, mount_point="platform", raise_on_deleted_version=True)

client = hvac.Client({VAULT_URL!r}, verify="/etc/platform/ca.crt", timeout=5)
client.auth.approle.login(**{{account!r}})
leader = client.sys.read_leader_status()["leader_address"]
# A server that follows the leader knows a token a moment later.
for pause in (0.1, 0.3, 1.0, 3.0):
    try:
        kept = read()["data"]
        break
    except hvac.exceptions.Forbidden:
        time.sleep(pause)
client.auth.token.revoke_self()
if leader and kept["data"]["secret_key"]:
    print(kept["metadata"]["created_time"])
"""
_ASK = """
import ssl, urllib.request

trust = ssl.create_default_context(cafile="/etc/platform/ca.crt")
with urllib.request.urlopen("https://localhost:8200/v1/sys/{what}", timeout=5, context=trust) as answer:
    print(answer.read().decode())
"""


class Vault:
    """What the platform's account reads."""

    def __init__(self, site: LabSite) -> None:
        """Take what it logs in with from where the admin host keeps it."""
        self._site, self._account = site, vault_account(site)

    def read(self) -> str:
        """Return since when a secret is what it is, or an empty text while no server has the lead."""
        program = _READ.format(account=self._account)
        return self._site.python("admin1", program, VAULT_LIBRARIES, check=False).strip()


def leader(site: LabSite) -> str:
    """Return the host that has the lead; an empty text while none has."""
    return next((host for host in CONTROL_PLANES if _said(site, host, "leader").get("is_self")), "")


def is_open(site: LabSite, host: str) -> bool:
    """Return whether a host's server is open; one that does not answer is not."""
    return _said(site, host, "seal-status").get("sealed") is False


def _said(site: LabSite, host: str, what: str) -> dict[str, Any]:
    """Return what a host's own server says to whoever asks; nothing while it does not answer."""
    return dict(json.loads(site.python(host, _ASK.format(what=what), check=False) or "{}"))
