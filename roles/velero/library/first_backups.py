#!/usr/bin/python
"""Make the first backups of a site, which its schedules would make up to an hour later."""

from __future__ import annotations

DOCUMENTATION = r"""
module: first_backups
short_description: Make the first backup in each location that has none
description:
  - A new schedule waits for its time. Until then nothing would be backed up.
  - What failed counts as none.
options:
  kubeconfig: {description: How to reach the cluster., type: path, required: true}
  namespace: {description: Velero's namespace., type: str, required: true}
  schedules: {description: "Names of schedules, by the location they write to.", type: dict, required: true}
  seconds: {description: How long it may take until the locations can be used., type: int, required: true}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Begin
  first_backups:
    kubeconfig: /etc/platform/kubeconfig
    namespace: velero
    schedules: {default: [platform-hourly]}
    seconds: 300
"""

RETURN = r"""
begun: {description: Schedules that a backup was begun of., returned: always, type: list, elements: str}
"""

from collections.abc import Mapping, Sequence

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.kubectl import Kubectl, KubectlFailed
from ansible_collections.platform.base.plugins.module_utils.velero import Velero


def begin(velero: Velero, schedules: Mapping[str, Sequence[str]], seconds: float, check_mode: bool) -> list[str]:
    """Begin a backup of the first schedule of each location that no schedule wrote to, and return which.

    Raises:
        KubectlFailed: the cluster does not take it, or a location cannot be used in time.
    """
    there = {item["metadata"]["name"]: item for item in velero.items("schedules")}
    begun = [names[0] for names in schedules.values() if not velero.is_begun(names)]
    if begun and not check_mode:
        velero.await_locations(seconds)
        for name in begun:
            velero.begin(there[name])
    return begun


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "kubeconfig": {"type": "path", "required": True},
            "namespace": {"type": "str", "required": True},
            "schedules": {"type": "dict", "required": True},
            "seconds": {"type": "int", "required": True},
        },
        supports_check_mode=True,
    )
    given = module.params
    try:
        velero = Velero(Kubectl(given["kubeconfig"]), given["namespace"])
        begun = begin(velero, given["schedules"], given["seconds"], module.check_mode)
    except KubectlFailed as failure:
        module.fail_json(msg=str(failure))
    module.exit_json(changed=bool(begun), begun=begun)


if __name__ == "__main__":
    main()
