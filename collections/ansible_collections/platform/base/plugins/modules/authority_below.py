#!/usr/bin/python
"""Make an authority that the platform's own signs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: authority_below
short_description: Make an authority that the platform's own signs
description:
  - Keeps C(NAME.key) and C(NAME.crt) in a folder. The certificate signs no further authority, and is made anew before
    its end, or when the platform's authority is another one.
options:
  folder: {description: The folder of the files; it exists., type: path, required: true}
  name: {description: Names the files., type: str, required: true}
  common_name: {description: What the authority is called., type: str, required: true}
  certificate: {description: The certificate of the platform's authority., type: path, required: true}
  key: {description: "Its key, encrypted with the passphrase.", type: path, required: true}
  passphrase: {description: What it is encrypted with., type: str, required: true}
  days: {description: Days the certificate is good for., type: int, required: true}
  renew_days: {description: Days before its end from which it is made anew., type: int, required: true}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Make it
  platform.base.authority_below:
    folder: /etc/platform/cert-manager
    name: authority
    common_name: workloads
    certificate: /etc/platform/ca.crt
    key: /etc/platform/ca/ca.key
    passphrase: "{{ lookup('ansible.builtin.file', platform_ca_passphrase_file) }}"
    days: 1825
    renew_days: 365
"""

RETURN = r"""
told: {description: What was made., returned: always, type: list, elements: str}
"""

import os
import subprocess
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.authority import AuthorityProblem, serves, sign_below
from ansible_collections.platform.base.plugins.module_utils.whole_files import replace_file

_CURVE = "ec_paramgen_curve:P-384"


def openssl(*arguments: str) -> str:
    """Return what `openssl` prints.

    Raises:
        AuthorityProblem: it fails.
    """
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise AuthorityProblem(f"`openssl {arguments[0]}` failed: {done.stderr.strip()[-300:]}")
    return done.stdout


def make(given: dict[str, Any], check_mode: bool) -> list[str]:
    """Make what is missing, and return what that was."""
    path = os.path.join(given["folder"], given["name"])
    key, certificate, told = f"{path}.key", f"{path}.crt", []
    if not os.path.exists(key):
        told.append(key)
        if not check_mode:
            replace_file(key, openssl("genpkey", "-algorithm", "EC", "-pkeyopt", _CURVE).encode())
    there = ""
    if os.path.exists(certificate):
        with open(certificate, encoding="ascii") as stream:
            there = stream.read()
    if told or not serves(there, given["certificate"], given["renew_days"]):
        told.append(certificate)
        if not check_mode:
            request = openssl("req", "-new", "-key", key, "-subj", f"/CN={given['common_name']}")
            signer = (given["certificate"], given["key"], given["passphrase"])
            replace_file(certificate, sign_below(request, *signer, given["days"]).encode(), 0o644)
    return told


def main() -> None:
    """Run the module."""
    text, path = {"type": "str", "required": True}, {"type": "path", "required": True}
    number = {"type": "int", "required": True}
    module = AnsibleModule(
        argument_spec={
            "folder": path,
            "name": text,
            "common_name": text,
            "certificate": path,
            "key": {**path, "no_log": False},
            "passphrase": {**text, "no_log": True},
            "days": number,
            "renew_days": number,
        },
        supports_check_mode=True,
    )
    try:
        told = make(module.params, module.check_mode)
    except AuthorityProblem as problem:
        module.fail_json(msg=str(problem))
    module.exit_json(changed=bool(told), told=told)


if __name__ == "__main__":
    main()
