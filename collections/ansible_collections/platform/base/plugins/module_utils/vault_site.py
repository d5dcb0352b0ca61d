"""What the platform keeps to itself of a Vault, on the admin host, and how it speaks to the servers."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.sealed import key_of
from ansible_collections.platform.base.plugins.module_utils.whole_files import replace_file
from cryptography.fernet import Fernet, InvalidToken

_SALT_BYTES = 16
# Where the platform keeps secrets of its own.
MOUNT = "platform"
# How a module is told to log in: an option of its own, which the documentation's part of the same name describes.
ACCESS: dict[str, Any] = {
    "type": "dict",
    "required": True,
    "options": {
        "urls": {"type": "dict", "required": True},
        "ca_certificate": {"type": "path", "required": True},
        "secrets": {"type": "path", "required": True, "no_log": False},
        "passphrase": {"type": "str", "required": True, "no_log": True},
    },
}
_SECONDS = 10
_PAUSE = 0.5


class VaultProblem(Exception):
    """What the operator must know, with its cure."""


class Kept:
    """A small document, encrypted with a passphrase, that is either the old one or the new one."""

    def __init__(self, path: str, passphrase: str) -> None:
        self._path = path
        self._passphrase = passphrase.encode()

    def read(self) -> dict[str, Any]:
        """Return the document; empty when there is none.

        Raises:
            VaultProblem: the passphrase is another one.
        """
        try:
            with open(self._path, "rb") as stream:
                content = stream.read()
        except FileNotFoundError:
            return {}
        salt, sealed = content[:_SALT_BYTES], content[_SALT_BYTES:]
        try:
            return dict(json.loads(self._cipher(salt).decrypt(sealed)))
        except InvalidToken as error:
            raise VaultProblem(
                f"{self._path} was encrypted with another passphrase than the authority's. "
                "Name the file with the right one in PLATFORM_CA_PASSPHRASE_FILE."
            ) from error

    def write(self, document: Mapping[str, Any]) -> None:
        """Keep a document, so that a crash leaves the old one or this one."""
        salt = os.urandom(_SALT_BYTES)
        replace_file(self._path, salt + self._cipher(salt).encrypt(json.dumps(dict(document)).encode()))

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Wait for whoever works with the document: the module of a run that was killed may go on by itself."""
        with open(f"{self._path}.lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _cipher(self, salt: bytes) -> Fernet:
        return Fernet(base64.urlsafe_b64encode(key_of(self._passphrase, salt)))


def client_of(url: str, authority: str, token: str | None = None, seconds: float = _SECONDS) -> Any:
    """Return a client of one server, which is known by the platform's authority, and may be silent for some seconds."""
    import hvac  # there once its wheel is unpacked, which documentation tools do not wait for

    return hvac.Client(url=url, verify=authority, token=token, timeout=seconds)


def seal_status(client: Any) -> dict[str, Any]:
    """Return what a server says of itself; empty when it does not answer."""
    from hvac.exceptions import VaultError
    from requests.exceptions import RequestException

    try:
        return dict(client.sys.read_seal_status())
    except (VaultError, RequestException):
        return {}


def wait_for(what: Any, seconds: float) -> Any:
    """Ask until there is an answer that is not empty, and return it, or the last one."""
    end = time.monotonic() + seconds
    while not (answer := what()) and time.monotonic() < end:
        time.sleep(_PAUSE)
    return answer


def voters(client: Any, names: Mapping[str, str], seconds: float) -> str:
    """Wait until every server is a voter, and return the leader.

    Raises:
        VaultProblem: some are not.
    """
    servers: list[dict[str, Any]] = []

    def all_vote() -> bool:
        servers[:] = client.sys.read_raft_config()["data"]["config"]["servers"]
        return set(names) <= {server["node_id"] for server in servers if server["voter"]}

    if not wait_for(all_vote, seconds):
        lacking = set(names) - {server["node_id"] for server in servers if server["voter"]}
        raise VaultProblem(
            f"No voters of the cluster: {', '.join(sorted(lacking))}. Look at `journalctl -u platform-vault`."
        )
    return next(str(server["node_id"]) for server in servers if server["leader"])


def read_secret(client: Any, path: str) -> dict[str, Any]:
    """Return what the platform keeps at a path; empty when there is nothing."""
    from hvac.exceptions import InvalidPath

    store = client.secrets.kv.v2
    try:
        return dict(store.read_secret_version(path, mount_point=MOUNT, raise_on_deleted_version=True)["data"]["data"])
    except InvalidPath:
        return {}


def write_secret(client: Any, path: str, content: Mapping[str, Any]) -> None:
    """Keep a new version of what is at a path."""
    client.secrets.kv.v2.create_or_update_secret(path, dict(content), mount_point=MOUNT)


def forget_secret(client: Any, path: str) -> None:
    """Forget what is at a path, in every version."""
    client.secrets.kv.v2.delete_metadata_and_all_versions(path, mount_point=MOUNT)


def forget_secrets(client: Any, paths: Iterable[str], check_mode: bool) -> bool:
    """Forget what is at some paths, and return whether there was anything; in check mode it stays."""
    there = [path for path in paths if read_secret(client, path)]
    for path in there if not check_mode else []:
        forget_secret(client, path)
    return bool(there)


def kept_of(access: Mapping[str, Any]) -> Kept:
    """Return what the platform logs in with."""
    return Kept(access["secrets"], access["passphrase"])


def enter(access: Mapping[str, Any], seconds: float) -> Any:
    """Return a client that may set the site's Vault up, with what is kept to log in.

    Raises:
        VaultProblem: nothing is kept, it cannot be read, or no server has the lead.
    """
    return login(access["urls"], access["ca_certificate"], kept_of(access).read(), seconds)


def login(urls: Mapping[str, str], authority: str, kept: Mapping[str, Any], seconds: float) -> Any:
    """Return a client that may set the site's Vault up.

    Raises:
        VaultProblem: nothing is kept that it could log in with, or no server has the lead.
    """
    from hvac.exceptions import VaultError
    from requests.exceptions import RequestException

    if not kept.get("root_token") and not kept.get("installer"):
        raise VaultProblem(
            "What the platform logs in with is not kept on this admin host. Restore its /etc/platform from a backup."
        )

    def attempt() -> Any:
        for url in urls.values():
            try:
                # Those that follow the leader know what was written a moment later; there may be none just now.
                leader = client_of(url, authority).sys.read_leader_status().get("leader_address")
                client = client_of(leader, authority) if leader else None
                if client is not None and _is_let_in(client, kept):
                    return client
            except (VaultError, RequestException):
                continue
        return None

    client = wait_for(attempt, seconds)
    if client is None:
        raise VaultProblem("No server lets the platform in. Look at `journalctl -u platform-vault` on the hosts.")
    return client


def _is_let_in(client: Any, kept: Mapping[str, Any]) -> bool:
    """Log in with the first token while it is good, and with the platform's own account afterwards."""
    from hvac.exceptions import Forbidden

    if kept.get("root_token"):
        client.token = kept["root_token"]
        try:
            client.auth.token.lookup_self()
        except Forbidden:
            # A run was killed when it had given the token up, and before it wrote that down.
            client.token = None
        else:
            return True
    if not kept.get("installer"):
        return False
    client.auth.approle.login(**kept["installer"])
    return True


@contextlib.contextmanager
def vault_of(parameters: Mapping[str, Any]) -> Iterator[Any]:
    """Yield a client of the Vault that a module's parameter `vault` names, which is logged out afterwards.

    Raises:
        VaultProblem: it lets nobody in.
    """
    client = enter(parameters["vault"], parameters["seconds"])
    try:
        yield client
    except BaseException:
        # Told is what went wrong first, not that the Vault is gone for this as well.
        with contextlib.suppress(Exception):
            client.auth.token.revoke_self()
        raise
    client.auth.token.revoke_self()
