#!/usr/bin/python
"""See that engines keep the contract that the platform has with all of them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: engine_probe
short_description: See that engines keep their contract
description:
  - Every copy of each model must be ready. The model tells that it is well, answers to its name, measures itself, and
    gives the same answer twice at temperature 0.
  - Engines run as an account without rights, on a root file system that they cannot write to, and ask nobody outside.
  - They are asked by way of the API server, so that no door need be open.
options:
  kubeconfig: {description: How to reach the cluster., type: path, required: true}
  namespace: {description: Where the models are., type: str, required: true}
  models: {description: "Copies of each model, by its name.", type: dict, required: true}
  measure: {description: A measure that each engine has., type: str, required: true}
  seconds: {description: How long it may take until all copies are ready., type: float, required: true}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Each model keeps its contract
  engine_probe:
    kubeconfig: /etc/platform/kubeconfig
    namespace: llamacpp
    models: {tiny: 2}
    measure: llamacpp:requests_processing
    seconds: 300
"""

RETURN = r"""
platform_report: {description: "Each model with the seconds of an answer.", returned: always, type: dict}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.engines import Promise, tried
from ansible_collections.platform.base.plugins.module_utils.kubectl import Kubectl, KubectlFailed

OFFLINE = ("HF_HUB_OFFLINE", "DO_NOT_TRACK")


def main() -> None:
    """Run the module."""
    text = {"type": "str", "required": True}
    module = AnsibleModule(
        argument_spec={
            "kubeconfig": {"type": "path", "required": True}, "namespace": text,
            "models": {"type": "dict", "required": True}, "measure": text,
            "seconds": {"type": "float", "required": True},
        },
        supports_check_mode=True,
    )  # fmt: skip
    if module.check_mode:
        module.exit_json(changed=False, platform_report={})
    try:
        promise = Promise(module.params["measure"], OFFLINE, steady=True)
        wrong, seconds = tried(Kubectl(module.params["kubeconfig"]), module.params, promise)
    except KubectlFailed as failure:
        module.fail_json(msg=str(failure))
    if wrong:
        module.fail_json(msg=f"Models do not keep what engines promise: {'; '.join(wrong)}.", evidence=wrong)
    module.exit_json(changed=False, platform_report={"models": seconds})


if __name__ == "__main__":
    main()
