"""What is secret on a site, taken from where it is at home: docs/operations/where-secrets-are.md names these places."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from ansible_collections.platform.base.plugins.module_utils.vault_site import Kept

from tests.system import secret_search
from tests.system.secret_search import Secret, telling_line
from tests.system.site import HOSTS, LabSite

# As an operator may type one: with all that is written in another way in URLs, JSON, HTML and shells.
PASSPHRASE = 'Planted "pass"phrase: 100% & more/'
ETCD, SEAL = "/etc/kubernetes/platform/encryption.yml", "/etc/platform/vault/seal.key"
# Where keys are at home, on every host; an asterisk stands for folders, too.
KEYS = ("/etc/kubernetes/pki/*", "/etc/kubernetes/*.conf", "/var/lib/kubelet/pki/*", "/etc/platform/*.key")
ADMINISTRATOR = "/etc/platform/kubeconfig"
# What the store's parts are told, by what it is called in the Vault.
STORE = ("/etc/platform/object_storage/s3.json", "/etc/platform/object_storage/*.security.toml")
# What the state directory has.
PASSPHRASE_FILE, SIGNER, KUBECONFIG = "keys/authority_passphrase", "keys/bundle", "kubeconfig"

_KEY_FOLDERS = ("/etc/kubernetes", "/etc/platform", "/var/lib/kubelet/pki")
# What is said of a secret beside it.
_TOLD = {
    "access_key", "url", "region", "role_id", "expiration", "description", "auth-extra-groups", "token-id", "namespace",
}  # fmt: skip
_SHORTEST = 12
# What verification keeps for a moment and shows to itself: of runs that were killed it is still there.
_OF_A_MOMENT = ("probe/", "workloads/platform-verify-")
VAULT_URL, VAULT_LIBRARIES = "https://10.77.0.100:8200", "/opt/platform/vault"
# Reads all that the platform keeps for itself and for others.
_TREE = """
import hvac, json

client = hvac.Client({url!r}, verify="/etc/platform/ca.crt", timeout=20)
# Those that follow know a token a moment later.
client.url = client.sys.read_leader_status()["leader_address"]
client.auth.approle.login(**{account!r})
store, found, waiting = client.secrets.kv.v2, {{}}, [""]
while waiting:
    folder = waiting.pop()
    for name in store.list_secrets(folder, mount_point="platform")["data"]["keys"]:
        if name.endswith("/"):
            waiting.append(folder + name)
            continue
        read = store.read_secret_version(folder + name, mount_point="platform", raise_on_deleted_version=True)
        found[folder + name] = read["data"]["data"]
client.auth.token.revoke_self()
print(json.dumps(found))
"""


def plant(state: Path) -> None:
    """Choose the passphrase of a site's authority, before the command does."""
    path = state / PASSPHRASE_FILE
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.touch(mode=0o600)
    path.write_text(PASSPHRASE)


def secrets_of(site: LabSite) -> list[Secret]:
    """Return every secret of a site that can be known from outside, each with its homes."""
    account = vault_account(site)
    listing = json.loads(site.kubectl("get", "secrets", "--all-namespaces", "--output=json"))
    found = [
        *of_state(site.state),
        Secret("the secret of the platform's account in the Vault", account["secret_id"]),
        *of_vault(kept_in_vault(site, account)),
        *of_cluster(listing["items"]),
        Secret("the key of etcd's encryption", _match(site.on("cp1", f"cat {ETCD}"), r'secret: "?([^"} ]+)'), (ETCD,)),
        Secret("the key of the Vault's seal", site.on("cp1", f"cat {SEAL}").strip(), (SEAL,)),
    ]
    for host in HOSTS:
        found += of_keys(host, json.loads(site.python(host, sent("keys_below", _KEY_FOLDERS))))
    return one_each(found)


def kept_in_vault(site: LabSite, account: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return all that the platform keeps in its Vault, by path."""
    told = site.python("admin1", _TREE.format(url=VAULT_URL, account=dict(account)), VAULT_LIBRARIES)
    found: dict[str, dict[str, Any]] = json.loads(told)
    return found


def sent(function: str, *arguments: Any) -> str:
    """Return a program that runs a function of the searcher; it is read by Python, and stands in no command line."""
    source = Path(secret_search.__file__).read_text()
    return f"{source}\nprint(json.dumps({function}(*json.loads({json.dumps(arguments)!r}))))\n"


def vault_account(site: LabSite) -> dict[str, str]:
    """Return what the platform logs in to its Vault with, by the passphrase that it is kept with."""
    sealed = base64.b64decode(site.on("admin1", "base64 --wrap=0 /etc/platform/vault/secrets"))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "secrets"
        path.write_bytes(sealed)
        account: dict[str, str] = Kept(str(path), _passphrase(site.state)).read()["installer"]
    return account


def _passphrase(state: Path) -> str:
    return (state / PASSPHRASE_FILE).read_text().rstrip()


def of_state(state: Path) -> Iterator[Secret]:
    """Yield what the state directory keeps."""
    yield Secret("the passphrase of the authority", _passphrase(state), (str(state / PASSPHRASE_FILE),))
    signer = state / SIGNER
    if signer.is_file():
        yield Secret("the key that bundles are signed with", telling_line(signer.read_bytes()), (str(signer),))
    homes = (str(state / KUBECONFIG), ADMINISTRATOR, *KEYS)
    for entry in yaml.safe_load((state / KUBECONFIG).read_text())["users"]:
        for part, value in entry["user"].items():
            if part == "client-key-data":
                yield Secret(f"the key of {entry['name']}", telling_line(base64.b64decode(value)), homes)
            elif part in ("token", "password"):
                yield Secret(f"the {part} of {entry['name']}", value, homes)


def of_vault(tree: Mapping[str, Mapping[str, Any]]) -> Iterator[Secret]:
    """Yield what the Vault keeps, by path."""
    for path, content in sorted(tree.items()):
        if path.startswith(_OF_A_MOMENT):
            continue
        homes = STORE if path.startswith("object_storage/") else ()
        for part, value in sorted(content.items()):
            yield from _told_as(f"{part} of platform/{path} in the Vault", part, str(value), homes)


def of_cluster(documents: list[dict[str, Any]]) -> Iterator[Secret]:
    """Yield what the cluster keeps in Secrets; what Helm knows of releases is none."""
    for document in documents:
        if document["type"] == "helm.sh/release.v1":
            continue
        name = f"{document['metadata']['namespace']}/{document['metadata']['name']}"
        for part, encoded in sorted(document.get("data", {}).items()):
            value = base64.b64decode(encoded)
            key = telling_line(value)
            text = value.decode(errors="replace").strip()
            if key:
                # Some of them come from the admin host, where they lie, too.
                yield Secret(f"{part} of the Secret {name}", key, KEYS)
            elif text.startswith("ey") and text.count(".") == 2:
                # What a token says of itself is no secret, its signature is.
                yield Secret(f"{part} of the Secret {name}", text.rpartition(".")[2])
            elif "\n" not in text and "\ufffd" not in text:
                yield from _told_as(f"{part} of the Secret {name}", part, text, ())


def of_keys(host: str, lines: Mapping[str, str]) -> Iterator[Secret]:
    """Yield the private keys that a host has."""
    for path, line in sorted(lines.items()):
        yield Secret(f"the key {path} of {host}", line, (*KEYS, ADMINISTRATOR))


def _told_as(name: str, part: str, value: str, homes: tuple[str, ...]) -> Iterator[Secret]:
    if part not in _TOLD and len(value) >= _SHORTEST:
        yield Secret(name, value, homes)


def one_each(secrets: list[Secret]) -> list[Secret]:
    """Return each value once, with all its homes."""
    found: dict[str, Secret] = {}
    for secret in secrets:
        known = found.get(secret.value, secret)
        found[secret.value] = known._replace(homes=tuple(dict.fromkeys((*known.homes, *secret.homes))))
    return list(found.values())


def _match(text: str, pattern: str) -> str:
    match = re.search(pattern, text)
    assert match, "What should hold a secret has none."
    return match[1]
