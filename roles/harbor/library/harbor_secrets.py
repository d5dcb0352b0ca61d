#!/usr/bin/python
"""Keep a registry's secrets in the site's Vault, make those that are missing, and fetch what it stores with."""

from __future__ import annotations

DOCUMENTATION = r"""
module: harbor_secrets
short_description: Keep a registry's secrets in the site's Vault
description:
  - Its own secrets are at C(platform/harbor/internal), each made once; those that others gave the site at
    C(platform/harbor/given/SECTION). The key it stores with is the object storage's to make.
  - The bucket must be there, and its owner let in.
extends_documentation_fragment: [platform.base.vault]
options:
  given: {description: "What others gave the site: an INI file's text.", type: str, default: ""}
  wanted: {description: The sections of it that are needed., type: list, elements: str, default: []}
  bucket: {description: Where images are stored., type: str, required: true}
  authority: {description: "The authority of the store's certificate, where the platform's is not.", type: path}
  state:
    description: Whether the secrets shall be there, or be forgotten.
    type: str
    choices: [present, absent]
    default: present
  seconds: {description: How long Vault may take., type: float, default: 120}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Keep them
  harbor_secrets:
    vault: "{{ platform_vault_access }}"
    bucket: registry
"""

RETURN = r"""
internal: {description: Its own secrets., returned: always, type: dict}
given: {description: "By section, what others gave the site.", returned: always, type: dict}
store: {description: "Where it stores: C(url), C(region), C(access_key), C(secret_key).", returned: always, type: dict}
mark: {description: A digest of all of them., returned: always, type: str}
"""

import configparser
import ctypes
import hashlib
import json
import secrets
import string
from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.s3_store import S3Problem, client_of, told
from ansible_collections.platform.base.plugins.module_utils.vault_site import (
    ACCESS,
    VaultProblem,
    forget_secrets,
    read_secret,
    vault_of,
    write_secret,
)

FOLDER, STORE = "harbor", "object_storage/harbor"
# Who the registry's own parts are to it.
_LOGIN = "harbor_registry_user"
# Lengths that Harbor asks for, or takes.
_LENGTHS = {
    "admin_password": 32, "secret_key": 16, "core_secret": 16, "csrf_key": 32, "jobservice_secret": 16,
    "registry_secret": 32, "registry_password": 32, "database_password": 32,
}  # fmt: skip
_LETTERS = string.ascii_letters + string.digits
_SALT_LETTERS = "./" + _LETTERS
_NOTHING: dict[str, Any] = {"changed": False, "internal": {}, "given": {}, "store": {}, "mark": ""}


def made(length: int) -> str:
    """Return a new password, which has letters of both kinds and a digit, as Harbor wants it."""
    while True:
        word = "".join(secrets.choice(_LETTERS) for _ in range(length))
        if any(c.islower() for c in word) and any(c.isupper() for c in word) and any(c.isdigit() for c in word):
            return word


def htpasswd(user: str, password: str, cost: int = 10) -> str:
    """Return a line of the only kind a registry takes, made by the system's own library.

    Raises:
        VaultProblem: the library knows no bcrypt.
    """
    crypt = ctypes.CDLL("libcrypt.so.1").crypt
    crypt.restype = ctypes.c_char_p
    way = f"$2b${cost:02}$"
    salt = way + "".join(secrets.choice(_SALT_LETTERS) for _ in range(21)) + "."
    found = crypt(password.encode(), salt.encode())
    if not found or not found.startswith(way.encode()):
        raise VaultProblem("The admin host's libcrypt knows no bcrypt. Install a supported release there.")
    # Registries know it by its older name alone.
    return f"{user}:{found.decode().replace('$2b$', '$2y$', 1)}"


def given_sections(text: str) -> dict[str, dict[str, str]]:
    """Return what is in a file of given passwords, by section.

    Raises:
        VaultProblem: it is no such file.
    """
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise VaultProblem(f"The file of given secrets is none: {error.message.splitlines()[0]}.") from error
    return {section: dict(parser[section]) for section in parser.sections()}


def keep(client: Any, path: str, wanted: Mapping[str, Any], wet: bool) -> bool:
    """Keep something at a path, and return whether that changes it."""
    if read_secret(client, path) == wanted:
        return False
    if wet:
        write_secret(client, path, wanted)
    return True


def settle(client: Any, parameters: Mapping[str, Any], wet: bool) -> dict[str, Any]:
    """Bring what the Vault holds to what is wanted, and return it.

    Raises:
        VaultProblem: something is missing that others must give.
    """
    there = read_secret(client, f"{FOLDER}/internal")
    internal = {**{name: made(length) for name, length in _LENGTHS.items()}, **there}
    if "registry_htpasswd" not in internal:
        internal["registry_htpasswd"] = htpasswd(_LOGIN, internal["registry_password"])
    changed = keep(client, f"{FOLDER}/internal", internal, wet)
    brought, given = given_sections(parameters["given"]), {}
    for section in parameters["wanted"]:
        path = f"{FOLDER}/given/{section}"
        given[section] = brought.get(section) or read_secret(client, path)
        if not given[section].get("password"):
            raise VaultProblem(
                f"Nobody knows the password of {section}. Write it into the file that `harbor_given_secrets_file` "
                f"names, in a section [{section}], as `password`."
            )
        changed |= keep(client, path, given[section], wet)
    store = read_secret(client, STORE)
    if not store:
        raise VaultProblem(
            f"The Vault holds no access key of harbor. Add {{name: {parameters['bucket']}, owner: harbor}} to the "
            "buckets of the object storage, and deploy that again."
        )
    everything = {"internal": internal, "given": given, "store": {"region": "", **store}}
    mark = hashlib.sha256(json.dumps(everything, sort_keys=True).encode()).hexdigest()
    return {"changed": changed, **everything, "mark": mark}


def see_bucket(parameters: Mapping[str, Any], store: Mapping[str, str]) -> None:
    """See that the bucket is there, and its owner let in.

    Raises:
        S3Problem: it is not.
    """
    authority = parameters["authority"] or parameters["vault"]["ca_certificate"]
    client = client_of(store["url"], authority, store, store["region"])
    cure = "Add it to the buckets of the object storage with the owner harbor, and deploy that again."
    with told(f"Looking at the bucket {parameters['bucket']}", cure):
        client.head_bucket(Bucket=parameters["bucket"])


def forget(client: Any, wet: bool) -> dict[str, Any]:
    """Forget every secret."""
    names = ["internal", *(f"given/{name}" for name in ("database", "cache", "oidc", "ldap", "second_site"))]
    paths = [f"{FOLDER}/{name}" for name in names]
    return {**_NOTHING, "changed": forget_secrets(client, paths, check_mode=not wet)}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "vault": ACCESS,
            "seconds": {"type": "float", "default": 120},
            "given": {"type": "str", "default": "", "no_log": True},
            "wanted": {"type": "list", "elements": "str", "default": []},
            "bucket": {"type": "str", "required": True},
            "authority": {"type": "path"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        supports_check_mode=True,
    )
    given, wet = module.params, not module.check_mode
    try:
        with vault_of(given) as client:
            result = settle(client, given, wet) if given["state"] == "present" else forget(client, wet)
        if given["state"] == "present":
            see_bucket(given, result["store"])
    except ImportError:
        # The library goes with the component: who has it no more has kept nothing, or forgotten it before.
        if given["state"] == "present":
            raise
        result = _NOTHING
    except (VaultProblem, S3Problem) as problem:
        module.fail_json(msg=str(problem))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
