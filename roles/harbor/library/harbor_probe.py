#!/usr/bin/python
"""Use a registry as a program of a team does: push, be scanned, pull, and be refused what is not allowed."""

from __future__ import annotations

DOCUMENTATION = r"""
module: harbor_probe
short_description: Push to a registry, pull from it, and be refused what is not allowed
description:
  - In a project and with an account of its own, both of which go afterwards, it pushes a small image, pulls it back, is
    refused another one under the same version, and waits until the image was scanned.
  - A wrong secret and nobody at all must be refused, and an image without a signature where one is asked for.
  - An image of the bundle must be had by its upstream name and digest, and by its signature where images are signed.
  - The certificate must be good for a while.
extends_documentation_fragment: [platform.base.vault]
options:
  address: {description: Where Harbor answers., type: str, required: true}
  name: {description: Who it is., type: str, required: true}
  port: {description: Its port., type: int, default: 443}
  authority: {description: The authority of its certificate., type: path, required: true}
  image: {description: An image of the bundle., type: str, required: true}
  digest: {description: Its digest., type: str, required: true}
  signed: {description: Whether it has a signature., type: bool, required: true}
  seconds: {description: How long a scan may take., type: float, default: 300}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Use it
  harbor_probe:
    vault: "{{ platform_vault_access }}"
    address: 192.0.2.64
    name: registry.example.com
    authority: /etc/platform/ca.crt
    image: docker.io/goharbor/harbor-core
    digest: sha256:0000
    signed: true
"""

RETURN = r"""
seconds: {description: How long it took., returned: always, type: float}
"""

import io
import json
import os
import tarfile
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils import harbor_wishes as wishes
from ansible_collections.platform.base.plugins.module_utils.harbor_account import ADMIN, administrator_password
from ansible_collections.platform.base.plugins.module_utils.harbor_api import Harbor, HarborRefused, step
from ansible_collections.platform.base.plugins.module_utils.image_signatures import is_signed
from ansible_collections.platform.base.plugins.module_utils.registry_client import (
    FORBIDDEN,
    PRECONDITION,
    UNAUTHORIZED,
    Registry,
    RegistryRefused,
    digest_of,
)
from ansible_collections.platform.base.plugins.module_utils.vault_site import (
    ACCESS,
    VaultProblem,
    read_secret,
    vault_of,
    wait_for,
)
from ansible_collections.platform.base.plugins.module_utils.web_door import ARGUMENTS as DOOR
from ansible_collections.platform.base.plugins.module_utils.web_door import Door, NoAnswer, door_of

_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"
_REPOSITORY, _TAG = "probe", "v1.0"
# cert-manager renews it in time, and a timer of the admin host carries it over; then there is always more.
_LEAST_DAYS = 14
_DENIED = (UNAUTHORIZED, FORBIDDEN, 404)
_DONE = ("Success", "Error", "Stopped")


def made_image() -> tuple[bytes, dict[str, Any]]:
    """Return the config and the layer of an image that differs from every other."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        content = os.urandom(1024)
        entry = tarfile.TarInfo("probe")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    layer = stream.getvalue()
    config = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [digest_of(layer)]}}
    return json.dumps(config).encode(), {"content": layer, "media_type": _LAYER}


def must_refuse(what: str, attempt: Callable[[], Any], statuses: tuple[int, ...]) -> None:
    """See that something is refused, as it should be.

    Raises:
        HarborRefused: it is not, or for another reason.
    """
    try:
        attempt()
    except RegistryRefused as refusal:
        if refusal.status not in statuses:
            raise HarborRefused(f"{what} is refused for another reason: {refusal}") from refusal
    else:
        raise HarborRefused(f"{what} is not refused")


def push_and_pull(door: Door, robot: Mapping[str, str], project: str) -> str:
    """Push an image, pull it back, be refused others, and return its digest.

    Raises:
        HarborRefused, RegistryRefused: something is not as it should be.
    """
    repository = f"{project}/{_REPOSITORY}"
    registry = Registry(door, robot["name"], robot["secret"])
    config, layer = made_image()
    digest = registry.push_image(repository, _TAG, config, _CONFIG, [layer])
    reader = Registry(door, robot["name"], robot["secret"])
    manifest = json.loads(reader.manifest(repository, _TAG))
    if reader.blob(repository, manifest["layers"][0]["digest"]) != layer["content"]:
        raise HarborRefused("What was pulled is not what was pushed")
    config, layer = made_image()
    must_refuse(
        "Another image under the same version",
        lambda: registry.push_image(repository, _TAG, config, _CONFIG, [layer]), (PRECONDITION,),
    )  # fmt: skip
    stranger = Registry(door, robot["name"], robot["secret"][::-1])
    must_refuse("A wrong secret", lambda: stranger.manifest(repository, _TAG), _DENIED)
    must_refuse("Nobody", lambda: Registry(door).manifest(repository, _TAG), _DENIED)
    return digest


def scan_state(harbor: Harbor, project: str, digest: str) -> str:
    """Return what became of an image's scan; empty before it began."""
    path = f"/projects/{step(project)}/repositories/{step(_REPOSITORY)}/artifacts/{digest}?with_scan_overview=true"
    found = harbor.get(path) or {}
    states = [entry.get("scan_status", "") for entry in (found.get("scan_overview") or {}).values()]
    return next((state for state in states if state in _DONE), "")


def await_scan(harbor: Harbor, project: str, digest: str, seconds: float) -> None:
    """Wait until an image was scanned, which its push began.

    Raises:
        HarborRefused: it is not, or in vain.
    """
    state = wait_for(lambda: scan_state(harbor, project, digest), seconds)
    if state != "Success":
        found = state or f"nothing after {seconds:.0f} s"
        raise HarborRefused(
            f"What is pushed is not scanned ({found}); does the scanner know anything of vulnerabilities? Look"
            " at `kubectl -n harbor logs sts/harbor-trivy`"
        )


def see_bundled(door: Door, given: Mapping[str, Any], public_key: str) -> None:
    """See that an image of the bundle is there, for anybody, and signed.

    Raises:
        HarborRefused: it is not.
    """
    registry = Registry(door)
    if registry.digest(given["image"], given["digest"]) != given["digest"]:
        raise HarborRefused(f"Nobody can pull {given['image']}@{given['digest']}; deploy the component again")
    if given["signed"] and not is_signed(registry, given["image"], given["digest"], public_key):
        raise HarborRefused(f"{given['image']} has no good signature; deploy the component again")


def probe(harbor: Harbor, door: Door, given: Mapping[str, Any]) -> None:
    """Use it in a project that goes afterwards.

    Raises:
        HarborRefused, NoAnswer, RegistryRefused: something is not as it should be.
    """
    project = f"platform-verify-{uuid.uuid4().hex[:8]}"
    wanted = wishes.project({"block": "", "immutable": True})
    made: dict[str, Any] = {}
    harbor.post("/projects", {"project_name": project, "metadata": wanted["metadata"]})
    try:
        harbor.post(f"/projects/{project}/immutabletagrules", wanted["immutable"][0])
        body = wishes.robot(project, {"projects": [project], "may": ["pull", "push"]}, 1)
        made = harbor.post("/robots", body)
        digest = push_and_pull(door, {"name": made["name"], "secret": made["secret"]}, project)
        await_scan(harbor, project, digest, given["seconds"])
        harbor.put(f"/projects/{project}", {"metadata": {"enable_content_trust_cosign": "true"}})
        registry = Registry(door, made["name"], made["secret"])
        must_refuse(
            "An image without a signature", lambda: registry.manifest(f"{project}/{_REPOSITORY}", _TAG), (PRECONDITION,)
        )
    finally:
        take_away(harbor, project, made.get("id"))


def take_away(harbor: Harbor, project: str, robot: int | None) -> None:
    """Take away what was made; tags that may not change have to be let go first."""
    rules = f"/projects/{project}/immutabletagrules"
    for rule in harbor.items(rules):
        harbor.delete(f"{rules}/{rule['id']}")
    harbor.delete(f"/projects/{project}/repositories/{_REPOSITORY}")
    if robot is not None:
        harbor.delete(f"/robots/{robot}")
    harbor.delete(f"/projects/{project}")


def main() -> None:
    """Run the module."""
    text = {"type": "str", "required": True}
    module = AnsibleModule(
        argument_spec={
            "vault": ACCESS,
            "seconds": {"type": "float", "default": 120},
            **DOOR,
            "image": text,
            "digest": text,
            "signed": {"type": "bool", "required": True},
        },
        supports_check_mode=True,
    )
    if module.check_mode:
        module.exit_json(changed=False, seconds=0.0)
    given, began = module.params, time.monotonic()
    try:
        with vault_of(given) as client:
            door = door_of(given)
            password = administrator_password(client, door, wet=False)
            public_key = read_secret(client, "harbor/signing").get("public_key", "")
        if (left := door.days_left()) < _LEAST_DAYS:
            raise HarborRefused(f"The certificate is good for {left:.0f} days only. Deploy the component again")
        see_bundled(door, given, public_key)
        probe(Harbor(door, ADMIN, password), door, given)
    except (HarborRefused, NoAnswer, RegistryRefused) as problem:
        module.fail_json(msg=f"{problem}. Look at `kubectl -n harbor get pods`.")
    except VaultProblem as problem:
        module.fail_json(msg=str(problem))
    module.exit_json(changed=False, seconds=round(time.monotonic() - began, 1))


if __name__ == "__main__":
    main()
