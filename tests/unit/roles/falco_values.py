"""The chart's values as this role renders them, with nothing chosen and with everything."""

from __future__ import annotations

from typing import Any

WANTED = {
    "values": "{{ __falco_values | combine(falco_values, recursive=true) }}",
    "objects": "{{ lookup('ansible.builtin.template', 'objects.yml.j2') | from_yaml_all | select | list }}",
    "faults": "{{ __falco_faults }}",
    "lost": "{{ __falco_lost }}",
    "destinations": "{{ __falco_destinations }}",
    "trials": "{{ __falco_trials }}",
}
# What tasks would have read: the platform's authority, and the certificates that there are.
_READ = {
    "__falco_authority": {"content": "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg=="},
    "__falco_certificate": {"stdout": "Zmlyc3Q= c2Vjb25k"},
}
CHOICES: dict[str, dict[str, Any]] = {
    "nothing chosen": {
        **_READ,
        "falco_alertmanager": {},
        "falco_loki": {},
        "falco_exceptions": [],
        "falco_client_certificate": False,
    },
    "everything chosen": {
        **_READ,
        "falco_priority": "debug",
        "falco_alertmanager": {
            "urls": ["https://alertmanager.monitoring.svc:9093"],
            "priority": "error",
            "namespace": "monitoring",
        },
        "falco_loki": {
            "url": "https://loki.example.com",
            "priority": "debug",
            "networks": ["192.0.2.144/28"],
            "tenant": "platform",
        },
        "falco_client_certificate": True,
        "falco_buffer_preset": 6,
        "falco_service_monitors": True,
        "falco_service_monitor_labels": {"release": "monitoring"},
        "falco_exceptions": [
            {
                "rule": "Shell entered in a container",
                "name": "operators",
                "reason": "a test",
                "fields": {"k8s.ns.name": ["databases"], "proc.cmdline": ["psql -c", "pg_dump"]},
                "comparisons": {"proc.cmdline": "startswith"},
            }
        ],
        "falco_rules": {"site.yaml": "- list: shells\n  items: [nu]\n  override: {items: append}\n"},
    },
}
