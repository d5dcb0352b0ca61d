"""The chart's values and objects as this role renders them, with nothing chosen and with everything."""

from __future__ import annotations

from typing import Any

WANTED = {
    "values": "{{ __harbor_values | combine(harbor_values, recursive=true) }}",
    "objects": "{{ lookup('ansible.builtin.template', 'objects.yml.j2') | from_yaml_all | select | list }}",
    "secrets": "{{ lookup('ansible.builtin.template', 'secrets.yml.j2') | from_yaml_all | select | list }}",
    "upstream": "{{ __harbor_upstream }}",
    "passwords": "{{ [__harbor_login_password, __harbor_second_site_password] }}",
    "services": "{{ __harbor_services }}",
    "wanted_secrets": "{{ __harbor_wanted_secrets }}",
}
_INTERNAL = (
    "admin_password", "secret_key", "core_secret", "csrf_key", "jobservice_secret", "registry_secret",
    "registry_password", "registry_htpasswd", "database_password",
)  # fmt: skip
# What tasks would have read from the Vault and the admin host.
_READ: dict[str, Any] = {
    "__harbor_kept": {
        "internal": {name: f"planted-{name}" for name in _INTERNAL},
        "given": {
            name: {"password": f"planted-given-{name}"} for name in ("database", "cache", "oidc", "second_site")
        },
        "store": {
            "url": "https://192.0.2.10:8333", "region": "", "access_key": "planted-key", "secret_key": "planted-word"
        },
        "mark": "a" * 64,
    },
    "__harbor_read": {"content": "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg=="},
}  # fmt: skip
CHOICES: dict[str, dict[str, Any]] = {
    "nothing chosen": {
        **_READ,
        "harbor_replicas": 1,
        "harbor_database": {},
        "harbor_cache": {},
        "harbor_login": {},
        "harbor_projects": {},
        "harbor_robots": {},
        "harbor_second_site": {},
        "harbor_reaches": [],
    },
    "everything chosen": {
        **_READ,
        "harbor_replicas": 3,
        "harbor_database": {"host": "postgres.example.com", "port": 6432, "name": "harbor", "user": "harbor"},
        "harbor_cache": {"address": "s1.example.com:26379,s2.example.com:26379", "sentinel": "registry"},
        "harbor_login": {"kind": "oidc", "endpoint": "https://login.example.com", "client_id": "harbor"},
        "harbor_projects": {"shop": {"signed": True}},
        "harbor_robots": {"ci": {"projects": ["shop"], "may": ["pull", "push"]}},
        "harbor_second_site": {"url": "https://second.example.com", "user": "robot$site", "projects": ["shop/**"]},
        "harbor_reaches": [{"network": "192.0.2.140/32", "port": 6432}],
        "harbor_service_monitors": True,
        "harbor_service_monitor_labels": {"release": "monitoring"},
        "harbor_storage_class": "fast",
        "harbor_values": {"logLevel": "warning"},
    },
}
