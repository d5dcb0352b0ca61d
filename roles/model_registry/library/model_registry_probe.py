#!/usr/bin/python
"""Use the registry of models: register a version, have an alias point to it, and read both back."""

from __future__ import annotations

DOCUMENTATION = r"""
module: model_registry_probe
short_description: Use the registry of models
description:
  - A version of a model of verification's own is registered through the traffic router's address, an alias points to
    it, both are read back, and all of it is deleted.
  - Who has no password, or a wrong one, is refused.
options:
  kubeconfig: {description: How to reach the cluster., type: path, required: true}
  namespace: {description: Where the registry runs., type: str, required: true}
  door: {description: "The traffic router's namespace, where a service has an address.", type: str, required: true}
  host: {description: The name the registry is known by., type: str, required: true}
  authority: {description: Who signed its certificate., type: path, required: true}
  seconds: {description: How long it may take to be there., type: float, required: true}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Use it
  model_registry_probe:
    kubeconfig: /etc/platform/kubeconfig
    namespace: model-registry
    door: traffic-router
    host: models.example.com
    authority: /etc/platform/ca.crt
    seconds: 300
"""

RETURN = r"""
platform_report: {description: "Where it answers, and how many versions it has.", returned: always, type: dict}
"""

import time
from collections.abc import Callable, Iterator

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.kubectl import Kubectl, KubectlFailed, door_address
from ansible_collections.platform.base.plugins.module_utils.model_registry import (
    UNAUTHORIZED,
    CatalogRefused,
    ModelRegistry,
    own_password,
)
from ansible_collections.platform.base.plugins.module_utils.web_door import Door, NoAnswer, door_of

_PORT, _SECONDS = 443, 20.0
MODEL, VERSION, ALIAS, DIGEST = "platform-verify", "1.0.0", "dev", "sha256:" + "0" * 64
_IMAGE = f"platform.internal/models/{MODEL}@{DIGEST}"


def misuse(registry: ModelRegistry) -> Iterator[str]:
    """Yield what is wrong with a version that is registered, pointed to, read and deleted.

    Raises:
        CatalogRefused: the registry does not do one of it.
        NoAnswer: it does not answer.
    """
    # What a verification left that was broken off.
    if any(entry.name == MODEL for entry in registry.versions()):
        registry.forget(MODEL)
    registry.register(MODEL, _IMAGE, {"version": VERSION, "digest": DIGEST})
    try:
        (entry,) = (entry for entry in registry.versions() if entry.name == MODEL)
        registry.point(ALIAS, entry)
        (entry,) = (entry for entry in registry.versions() if entry.name == MODEL)
        read = (entry.version, entry.digest, entry.image, entry.aliases)
        if read != (VERSION, DIGEST, _IMAGE, (ALIAS,)):
            yield f"what was registered is read back as {read}"
    finally:
        registry.forget(MODEL)
    if any(entry.name == MODEL for entry in registry.versions()):
        yield "what was deleted is still there"


def open_doors(door: Door) -> Iterator[str]:
    """Yield who is let in that must not be.

    Raises:
        NoAnswer: the registry does not answer.
    """
    strangers = {"who has no password": "", "who has a wrong password": "a wrong one"}
    for who, password in strangers.items():
        status = ModelRegistry(door, "platform", password).status()
        if status != UNAUTHORIZED:
            yield f"{who} was answered {status}, and not {UNAUTHORIZED}"


def until_right(ask: Callable[[], list[str]], seconds: float) -> list[str]:
    """Return nothing wrong, or what still is when the time is over."""
    end = time.monotonic() + seconds
    while True:
        try:
            wrong = ask()
        except (CatalogRefused, NoAnswer, ValueError) as failure:
            wrong = [str(failure)]
        if not wrong or time.monotonic() >= end:
            return wrong
        time.sleep(3)


def main() -> None:
    """Run the module."""
    text, path = {"type": "str", "required": True}, {"type": "path", "required": True}
    module = AnsibleModule(
        argument_spec={
            "kubeconfig": path, "namespace": text, "door": text, "host": text, "authority": path,
            "seconds": {"type": "float", "required": True},
        },
        supports_check_mode=True,
    )  # fmt: skip
    if module.check_mode:
        module.exit_json(changed=False, platform_report={})
    given = module.params
    cluster = Kubectl(given["kubeconfig"])
    try:
        cluster.await_rollout("deployment/model-registry", given["namespace"], given["seconds"])
        address = door_address(cluster, given["door"])
        where = {"address": address, "port": _PORT, "name": given["host"], "authority": given["authority"]}
        door = door_of(where, _SECONDS)
        registry = ModelRegistry(door, "platform", own_password(cluster, given["namespace"]))
    except (KubectlFailed, NoAnswer) as failure:
        module.fail_json(msg=str(failure))
    wrong = until_right(lambda: [*misuse(registry), *open_doors(door)], given["seconds"])
    if wrong:
        module.fail_json(
            msg=f"{given['host']} at {address} is not as a registry of models must be: {'; '.join(wrong)}.",
            evidence=wrong,
        )
    module.exit_json(changed=False, platform_report={"address": address, "versions": len(registry.versions())})


if __name__ == "__main__":
    main()
