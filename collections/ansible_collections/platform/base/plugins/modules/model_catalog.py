#!/usr/bin/python
"""Keep the site's registry of models: register versions, move aliases, let old ones go."""

from __future__ import annotations

DOCUMENTATION = r"""
module: model_catalog
short_description: Keep the site's registry of models
description:
  - Versions that the site serves, and those that its bundle carries, are registered with their digests. A version means
    one digest for ever.
  - An alias moves to a version only when the site's registry of images has the same digest.
  - Whatever is moved or deleted is written into an audit log before it is done, and again when it then failed.
  - What does not fit how things are comes back as C(refused), and nothing is done.
options:
  does:
    description:
      - C(look) says which versions there are. C(register) registers those that are not. C(promote) moves an alias.
        C(gc) deletes versions that nobody needs.
    type: str
    choices: [look, register, promote, gc]
    default: look
  kubeconfig: {description: How to reach the cluster., type: path, required: true}
  engines: {description: "Namespaces of models, by the component that serves them.", type: dict, required: true}
  catalog:
    description: "The registry of models: C(host), its name, C(namespace), and C(door), that of the router."
    type: dict
    required: true
  images:
    description: >-
      Registries of images, by the name that images begin with, C(*) for all others: each with C(address), C(name) and
      C(port).
    type: dict
    required: true
  authority: {description: Who signed their certificates., type: path, required: true}
  carried: {description: "Models that the bundle carries, and their facts.", type: list, elements: dict, default: []}
  known: {description: "What is known of images, by digest.", type: dict, default: {}}
  audit_log: {description: The audit log., type: path, required: true}
  who: {description: Who asks for it., type: str, default: ""}
  model: {description: "Its name; all when empty.", type: str, default: ""}
  version: {description: The version that is promoted., type: str, default: ""}
  stage: {description: Where to., type: str, choices: ["", dev, staging, production], default: ""}
  reason: {description: "Why, for the audit log.", type: str, default: ""}
  days: {description: How old a version must be to be deleted., type: float, default: 0}
  only: {description: "What alone may be deleted, by name and version.", type: list, elements: str, default: []}
  seconds: {description: For how long it is asked again when it does not answer., type: float, default: 0}
  may_be_away: {description: Whether it is no failure when the registry does not answer., type: bool, default: false}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Register what is served
  platform.base.model_catalog:
    does: register
    kubeconfig: /etc/platform/kubeconfig
    engines: {llamacpp: llamacpp}
    catalog: {host: models.example.com, namespace: model-registry, door: traffic-router}
    images: {"*": {address: 192.0.2.5, name: seed.example.com, port: 5000}}
    authority: /etc/platform/ca.crt
    audit_log: /var/lib/platform/audit/models.jsonl
"""

RETURN = r"""
said:
  description: >-
    C(versions), and in words what C(differs); of a promotion the C(version), C(before) and whether it C(moved); of a
    deletion what is C(deleted), or would be, and why others are C(kept). C(refused) has a C(summary) and a C(hint).
    C(away) says why nobody answered.
  returned: always
  type: dict
"""

import os
import pwd
import time
from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.audit_chain import AuditFailed, AuditLog
from ansible_collections.platform.base.plugins.module_utils.kubectl import Kubectl, KubectlFailed, door_address
from ansible_collections.platform.base.plugins.module_utils.model_catalog import Catalog, Digests
from ansible_collections.platform.base.plugins.module_utils.model_registry import (
    CatalogRefused,
    ModelRegistry,
    own_password,
)
from ansible_collections.platform.base.plugins.module_utils.model_states import models_in
from ansible_collections.platform.base.plugins.module_utils.registry_client import Registry
from ansible_collections.platform.base.plugins.module_utils.release_acts import Refused
from ansible_collections.platform.base.plugins.module_utils.served_versions import carried_versions, served_versions
from ansible_collections.platform.base.plugins.module_utils.web_door import NoAnswer, door_of

_PORT, _SECONDS, _PAUSE = 443, 20.0, 2.0


def digests_of(images: Mapping[str, Mapping[str, Any]], authority: str) -> Digests:
    """Return what asks the site's registries of images for the digest of an image, by its tag where it has one."""

    def digest(image: str) -> tuple[str, str]:
        name, _, pinned = image.partition("@")
        first, _, rest = name.partition("/")
        place = images.get(first) or images["*"]
        repository, _, tag = (rest if first in images else name).partition(":")
        registry = Registry(door_of({**place, "authority": authority}, _SECONDS))
        found = registry.digest(repository, tag) if tag else ""
        return found or registry.digest(repository, pinned), str(place["name"])

    return digest


def catalog_of(given: Mapping[str, Any], login: str) -> Catalog:
    """Return the catalogue that a module's options name.

    Raises:
        KubectlFailed: the cluster does not say where it is.
    """
    cluster, place = Kubectl(given["kubeconfig"]), given["catalog"]
    models = models_in(cluster, given["engines"])
    known = {**{told["image"].partition("@")[2]: _facts(told) for told in given["carried"]}, **given["known"]}
    candidates = [*served_versions(models, known), *carried_versions(given["carried"])]
    where = {
        "address": door_address(cluster, place["door"]), "name": place["host"], "port": _PORT,
        "authority": given["authority"],
    }  # fmt: skip
    registry = ModelRegistry(door_of(where, _SECONDS), "platform", own_password(cluster, place["namespace"]))
    digests = digests_of(given["images"], given["authority"])
    return Catalog(registry, candidates, digests, AuditLog(given["audit_log"]), given, login)


def _facts(told: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in told.items() if name not in ("name", "version", "image")}


def carried_out(catalog: Catalog, does: str, dry: bool) -> dict[str, Any]:
    """Do what was asked, and return what came of it."""
    if does == "look":
        return catalog.look()
    if does == "register":
        return catalog.register(dry)
    return catalog.promote(dry) if does == "promote" else catalog.collect(dry)


def carried_out_in_time(given: Mapping[str, Any], login: str, dry: bool) -> dict[str, Any]:
    """Do what was asked as soon as the registry answers, and return what came of it.

    Raises:
        CatalogRefused: the registry does not do it.
        KubectlFailed: the cluster does not say where it is.
        NoAnswer: it does not answer in time.
    """
    end = time.monotonic() + given["seconds"]
    while True:
        try:
            return carried_out(catalog_of(given, login), given["does"], dry)
        except (KubectlFailed, NoAnswer, CatalogRefused):
            if time.monotonic() >= end:
                raise
        time.sleep(_PAUSE)


def main() -> None:
    """Run the module."""
    text, objects = {"type": "str", "default": ""}, {"type": "dict", "required": True}
    path = {"type": "path", "required": True}
    module = AnsibleModule(
        argument_spec={
            "does": {"type": "str", "choices": ["look", "register", "promote", "gc"], "default": "look"},
            "kubeconfig": path, "engines": objects, "catalog": objects, "images": objects, "authority": path,
            "carried": {"type": "list", "elements": "dict", "default": []}, "known": {"type": "dict", "default": {}},
            "audit_log": path, "who": text, "model": text, "version": text,
            "stage": {"type": "str", "choices": ["", "dev", "staging", "production"], "default": ""},
            "reason": text, "days": {"type": "float", "default": 0},
            "only": {"type": "list", "elements": "str", "default": []},
            "seconds": {"type": "float", "default": 0}, "may_be_away": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )  # fmt: skip
    given = module.params
    login = os.environ.get("SUDO_USER") or pwd.getpwuid(os.getuid()).pw_name
    try:
        said = carried_out_in_time(given, login, module.check_mode)
    except Refused as refusal:
        module.exit_json(changed=False, said={"refused": refusal.told()})
    except (KubectlFailed, NoAnswer, CatalogRefused) as failure:
        if not given["may_be_away"]:
            module.fail_json(msg=str(failure))
        module.warn(f"What is served is not registered yet, as the registry of models cannot be asked: {failure}")
        module.exit_json(changed=False, said={"away": str(failure)})
    except AuditFailed as failure:
        module.fail_json(msg=str(failure))
    changed = bool(said.get("registered") or said.get("moved") or (given["does"] == "gc" and said["deleted"]))
    module.exit_json(changed=changed, said=said)


if __name__ == "__main__":
    main()
