#!/usr/bin/python
"""See that monitoring sees: every target is up, every rule is judged, and a failure's alert comes and goes."""

from __future__ import annotations

DOCUMENTATION = r"""
module: monitoring_probe
short_description: See that monitoring sees
description:
  - Every job that the catalogue tells of must have its targets, and each must be up, seen by every copy of Prometheus.
  - Every rule must have been judged without an error.
  - What keeps alerts breaks something of its own for a moment. Its alert must come to it, and end, within the promised
    time each.
options:
  kubeconfig: {description: How to reach the cluster., type: path, required: true}
  namespace: {description: Where Prometheus and the keeper of alerts run., type: str, required: true}
  prometheus: {description: Where Prometheus answers., type: str, required: true}
  targets: {description: How many targets each job has at least., type: dict, required: true}
  copies: {description: How many copies of Prometheus there are., type: int, required: true}
  trial_seconds: {description: How long an alert may take to come, and to end., type: int, required: true}
  seconds: {description: How long it may take until all targets are up., type: int, required: true}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: See that it sees
  monitoring_probe:
    kubeconfig: /etc/platform/kubeconfig
    namespace: monitoring
    prometheus: https://prometheus.monitoring.svc:9090
    targets: {etcd: 3}
    copies: 1
    trial_seconds: 30
    seconds: 300
"""

RETURN = r"""
platform_report: {description: "What the report tells: counts, and the trial's seconds.", returned: always, type: dict}
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.kubectl import Kubectl, KubectlFailed

_KEEPER = "deployment/alert-keeper"
_UP, _WELL = "up", ("ok", "unknown")
# What says of a target that only the copy that leads answers.
_ANSWERS = "answers"
_SHOWN = 12


class Keeper:
    """What keeps alerts, asked in its pod: it may ask Prometheus, and is asked by nobody outside."""

    def __init__(self, cluster: Kubectl, namespace: str) -> None:
        self._cluster = cluster
        self._namespace = namespace

    def said(self, *arguments: str) -> Any:
        """Return what its program says.

        Raises:
            KubectlFailed: it does not say it.
        """
        command = ("exec", f"--namespace={self._namespace}", _KEEPER, "--", "/alert-keeper", *arguments)
        return json.loads(self._cluster.run(*command))


def prometheus_at(url: str, copies: int) -> list[str]:
    """Return where each copy answers, known by the name in its certificate."""
    host = url.removeprefix("https://").partition(":")[0]
    return [url] if copies == 1 else [url.replace(host, f"prometheus-{number}.{host}") for number in range(copies)]


def down(targets: Sequence[Mapping[str, Any]], wanted: Mapping[str, int]) -> Iterator[str]:
    """Yield what is wrong with the targets Prometheus knows."""
    for job, count in sorted(wanted.items()):
        known = [target for target in targets if target["labels"]["job"] == job]
        if len(known) < count:
            yield f"{job}: {len(known)} of {count} targets are known"
        led = [target for target in known if target["labels"].get(_ANSWERS) == "leader"]
        one_answers = any(target["health"] == _UP for target in led)
        for target in known:
            if target["health"] != _UP and not (target in led and one_answers):
                # Before the first reading there is no error.
                error = target.get("lastError") or "not read yet"
                yield f"{job} at {target['labels'].get('instance', '?')} ({target['scrapeUrl']}): {error}"


def misjudged(groups: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield which rules could not be judged; one that was not yet is none of them."""
    for group in groups:
        for rule in group["rules"]:
            if rule["health"] not in _WELL:
                yield f"{group['name']}/{rule['name']}: {rule.get('lastError') or rule['health']}"


def everything_up(
    ask: Callable[[str], Any], addresses: Sequence[str], wanted: Mapping[str, int]
) -> tuple[list[str], dict[str, int]]:
    """Return what is wrong, and how many targets and rules there are."""
    wrong, counted = [], {"targets": 0, "rules": 0}
    for address in addresses:
        targets = ask(f"{address}/api/v1/targets?state=active")["data"]["activeTargets"]
        groups = ask(f"{address}/api/v1/rules")["data"]["groups"]
        counted = {"targets": len(targets), "rules": sum(len(group["rules"]) for group in groups)}
        if not counted["rules"]:
            wrong.append(f"{address} has no rules")
        wrong += [*down(targets, wanted), *misjudged(groups)]
    return wrong, counted


def wait_until_up(module: AnsibleModule, keeper: Keeper) -> dict[str, int]:
    """Return how many targets and rules there are when all are well; what is not well in time is the failure."""
    given = module.params
    addresses = prometheus_at(given["prometheus"], given["copies"])
    end, wrong = time.monotonic() + given["seconds"], ["nothing was asked"]
    while True:
        try:
            wrong, counted = everything_up(lambda url: keeper.said("fetch", url), addresses, given["targets"])
            if not wrong:
                return counted
        except KubectlFailed as failure:
            wrong = [str(failure)]
        if time.monotonic() >= end:
            shown = "; ".join(wrong[:_SHOWN]) + (f"; and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else "")
            module.fail_json(msg=f"Monitoring does not see everything: {shown}.", evidence=wrong)
        time.sleep(3)


def main() -> None:
    """Run the module."""
    text, number = {"type": "str", "required": True}, {"type": "int", "required": True}
    module = AnsibleModule(
        argument_spec={
            "kubeconfig": {"type": "path", "required": True}, "namespace": text, "prometheus": text,
            "targets": {"type": "dict", "required": True}, "copies": number, "trial_seconds": number,
            "seconds": number,
        },
        supports_check_mode=True,
    )  # fmt: skip
    if module.check_mode:
        module.exit_json(changed=False, platform_report={})
    keeper = Keeper(Kubectl(module.params["kubeconfig"]), module.params["namespace"])
    counted = wait_until_up(module, keeper)
    try:
        trial = keeper.said("trial", str(module.params["trial_seconds"]))
    except KubectlFailed as failure:
        module.fail_json(
            msg=f"A failure was planted, and its alert did not come and go as promised: {failure}"
            f" Look at the pods' logs in {module.params['namespace']}."
        )
    report = {
        "monitoring_targets": counted["targets"],
        "monitoring_rules": counted["rules"],
        "monitoring_alert_seconds": round(trial["raised"], 1),
        "monitoring_clear_seconds": round(trial["cleared"], 1),
    }
    module.exit_json(changed=False, platform_report=report)


if __name__ == "__main__":
    main()
