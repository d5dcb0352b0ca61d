#!/usr/bin/python
"""See that vLLM keeps the contract that the platform has with all engines, and what it promises beside it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vllm_probe
short_description: See that models on GPUs keep their contract
description:
  - Every copy of each model must be ready. The model tells that it is well, answers to its name, measures itself, and
    answers. It has the context that the inventory says, and gives its golden prompt the answer that is wanted.
  - Its pods have the GPUs that the inventory says, as a share that is theirs alone; they run as an account without
    rights, on a root file system that they cannot write to, ask nobody outside and tell nobody.
  - GPUs add up numbers in another order when they do more at once, so that the same prompt may be answered otherwise.
    That alone is no fault.
  - Models are asked by way of the API server, so that no door need be open.
options:
  kubeconfig: {description: How to reach the cluster., type: path, required: true}
  namespace: {description: Where the models are., type: str, required: true}
  models: {description: "The models by name, with all that holds for each.", type: dict, required: true}
  offline: {description: Variables that keep an engine to itself., type: list, elements: str, required: true}
  seconds: {description: How long it may take until all copies are ready., type: float, required: true}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Each model keeps its contract
  vllm_probe:
    kubeconfig: /etc/platform/kubeconfig
    namespace: vllm
    models:
      letters:
        replicas: 2
        gpus: 4
        gpu_resource: nvidia.com/gpu
        context_tokens: 32768
        golden: {prompt: Is water wet?, answer: "Yes", tokens: 4}
    offline: [HF_HUB_OFFLINE]
    seconds: 3600
"""

RETURN = r"""
platform_report: {description: "Each model with the seconds of its answers.", returned: always, type: dict}
"""

from collections.abc import Iterator, Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.engines import Engine, Promise, tried
from ansible_collections.platform.base.plugins.module_utils.kubectl import Kubectl, KubectlFailed

_MEASURE = "vllm:num_requests_waiting"


def other_gpus(pod: Mapping[str, Any], model: Mapping[str, Any]) -> Iterator[str]:
    """Yield where the pods of a model have other GPUs than the inventory says."""
    wanted = {model["gpu_resource"]: str(model["gpus"])}
    for kind in ("requests", "limits"):
        amounts = pod["containers"][0].get("resources", {}).get(kind, {})
        found = {name: str(amount) for name, amount in amounts.items() if name.startswith("nvidia.com/")}
        if found != wanted:
            yield f"its {kind} of GPUs are {found}, and not {wanted}"


def other_answers(engine: Engine, model: Mapping[str, Any]) -> Iterator[str]:
    """Yield where a model has another context than the inventory says, or answers its golden prompt otherwise."""
    told = engine.entry().get("max_model_len")
    if model["context_tokens"] and told != model["context_tokens"]:
        yield f"its context is {told} tokens, and not {model['context_tokens']}"
    golden = model["golden"]
    if golden["answer"] and (said := engine.says(golden["prompt"], golden["tokens"])) != golden["answer"]:
        yield f"it answers {said!r} to its golden prompt, and not {golden['answer']!r}"


def broken(cluster: Kubectl, given: Mapping[str, Any]) -> tuple[list[str], dict[str, float]]:
    """Return what is wrong with the models, and the seconds that each took for its answers.

    Raises:
        KubectlFailed: one is not there, or does not answer.
    """
    models = given["models"]

    def more(engine: Engine, pod: Mapping[str, Any]) -> Iterator[str]:
        yield from other_gpus(pod, models[engine.model])
        yield from other_answers(engine, models[engine.model])

    copies = {name: model["replicas"] for name, model in models.items()}
    return tried(cluster, {**given, "models": copies}, Promise(_MEASURE, given["offline"], steady=False), more)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "kubeconfig": {"type": "path", "required": True}, "namespace": {"type": "str", "required": True},
            "models": {"type": "dict", "required": True},
            "offline": {"type": "list", "elements": "str", "required": True},
            "seconds": {"type": "float", "required": True},
        },
        supports_check_mode=True,
    )  # fmt: skip
    if module.check_mode:
        module.exit_json(changed=False, platform_report={})
    try:
        wrong, seconds = broken(Kubectl(module.params["kubeconfig"]), module.params)
    except KubectlFailed as failure:
        module.fail_json(msg=str(failure))
    if wrong:
        module.fail_json(msg=f"Models do not keep what vLLM promises: {'; '.join(wrong)}.", evidence=wrong)
    module.exit_json(changed=False, platform_report={"models": seconds})


if __name__ == "__main__":
    main()
