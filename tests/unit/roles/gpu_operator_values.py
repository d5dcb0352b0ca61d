"""The chart's values as this role renders them, with nothing chosen and with everything."""

from __future__ import annotations

from typing import Any

WANTED = {
    "values": "{{ __gpu_operator_values | combine(gpu_operator_values, recursive=true) }}",
    "objects": "{{ lookup('ansible.builtin.template', 'objects.yml.j2') | from_yaml_all | select | list }}",
}
# What a task would have read from the admin host.
_TRUSTED = {"results": [{"content": "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg=="}, {"content": "a2V5CgpvZiBsaW5lcwo="}]}
CHOICES: dict[str, dict[str, Any]] = {
    "nothing chosen": {
        "gpu_operator_classes": {"standard": {"gpus": 1}},
        "gpu_operator_quotas": {},
        "gpu_operator_priorities": [],
        "gpu_operator_upgrade_window": {},
    },
    "everything chosen": {
        "gpu_operator_driver": "container",
        "gpu_operator_runtime": "nri",
        "gpu_operator_dcgm_engine": True,
        "gpu_operator_service_monitors": True,
        "gpu_operator_service_monitor_labels": {"release": "monitoring"},
        "gpu_operator_classes": {
            "divided": {"hosts": ["gpu1"], "gpus": 4, "mig": {"1g.18gb": 7}},
            "in_turns": {"gpus": 2, "sharing": "time_slicing", "replicas": 4},
            "side_by_side": {"hosts": ["gpu2"], "gpus": 2, "sharing": "mps", "replicas": 2},
        },
        "gpu_operator_quotas": {"team-a": {"nvidia.com/gpu": 4}},
        "__gpu_operator_trusted": _TRUSTED,
    },
}
