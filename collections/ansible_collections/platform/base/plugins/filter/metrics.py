"""Say how what components tell of themselves is read: C(metrics) of the catalogue."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

DOCUMENTATION = r"""
name: scrape_configs
short_description: What Prometheus reads, one job for each entry of a component's C(metrics)
options:
  _input: {description: "C(platform_components), those that the inventory has.", type: dict, required: true}
  groups: {description: Hosts by group., type: dict, required: true}
  addresses: {description: Hosts' addresses., type: dict, required: true}
  authorities: {description: "Where the certificates of C(cluster) and C(platform) are.", type: dict, required: true}
  token: {description: Where the token is that tells who asks., type: str, required: true}
"""

_PART = re.compile(r"(\w+)(?:\[(\d+)\])?\Z")
# What no name of a label of Prometheus' has.
_UNNAMED = re.compile(r"[^a-zA-Z0-9_]")
_ENDED = "Succeeded|Failed"
_NAMESPACE = "k8s:io.kubernetes.pod.namespace"
# What pods' own labels are called in Cilium's rules.
_LABEL = "k8s:"
_FROM_POD = {"node": "node_name", "namespace": "namespace", "pod": "name", "instance": "name"}


def hosts_of(pattern: str, groups: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the hosts that a pattern of group names means, each once."""
    found: dict[str, None] = {}
    for part in pattern.split(":"):
        match = _PART.match(part)
        if match is None:
            raise ValueError(f"{part!r} is no group, and no host of one")
        hosts = groups.get(match[1], [])
        found.update(dict.fromkeys(hosts if match[2] is None else hosts[int(match[2]) :][:1]))
    return list(found)


def _told(components: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield each entry with the component's name, and the namespace of its pods."""
    for name, component in sorted(components.items()):
        for entry in component.get("metrics", ()):
            yield name, str(entry.get("namespace") or component.get("namespace") or ""), entry


def scrape_configs(
    components: Mapping[str, Any],
    groups: Mapping[str, Sequence[str]],
    addresses: Mapping[str, str],
    authorities: Mapping[str, str],
    token: str,
) -> list[dict[str, Any]]:
    """Return Prometheus' C(scrape_configs).

    Args:
        components: those that the inventory has.
        groups: hosts by group.
        addresses: hosts' addresses.
        authorities: where the certificates of `cluster` and `platform` are.
        token: where the token is that tells who asks.
    """
    jobs = []
    for name, namespace, entry in _told(components):
        job: dict[str, Any] = {"job_name": entry["job"], "scheme": entry.get("scheme", "http")}
        job["metrics_path"] = entry.get("path", "/metrics")
        if entry.get("parameters"):
            job["params"] = {key: [value] for key, value in entry["parameters"].items()}
        if entry.get("authority"):
            named = {"server_name": entry["server_name"]} if entry.get("server_name") else {}
            job["tls_config"] = {"ca_file": authorities[entry["authority"]], **named}
        if entry.get("token"):
            job["authorization"] = {"credentials_file": token}
        if entry.get("hosts"):
            job["static_configs"] = [
                {
                    "targets": [_at(addresses[host], entry["port"])],
                    "labels": {"component": name, "node": host, "instance": host},
                }
                for host in hosts_of(entry["hosts"], groups)
            ]
        else:
            job |= _of_pods(name, namespace, entry)
        if entry.get("keep"):
            kept = {"source_labels": ["__name__", "le"], "regex": entry["keep"], "action": "keep"}
            job["metric_relabel_configs"] = [kept]
        jobs.append(job)
    return jobs


def _of_pods(component: str, namespace: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    labels = ",".join(f"{key}={value}" for key, value in sorted(entry["pods"].items()))
    found = {
        "role": "pod", "namespaces": {"names": [namespace]}, "selectors": [{"role": "pod", "label": labels}],
    }  # fmt: skip
    about = "__meta_kubernetes_pod_"
    # A pod is found once for each port it names: all become the same target.
    relabel: list[dict[str, Any]] = [
        {"source_labels": [f"{about}phase"], "regex": _ENDED, "action": "drop"},
        {"source_labels": [f"{about}ip"], "regex": "(.*:.*)", "target_label": f"{about}ip", "replacement": "[$1]"},
        {
            "source_labels": [f"{about}ip"], "regex": "(.+)", "target_label": "__address__",
            "replacement": f"$1:{entry['port']}",
        },
    ]  # fmt: skip
    for label, known in _FROM_POD.items():
        source = "__meta_kubernetes_namespace" if known == "namespace" else about + known
        relabel.append({"source_labels": [source], "target_label": label})
    for label, own in entry.get("labels", {}).items():
        source = f"{about}label_{_UNNAMED.sub('_', own)}"
        relabel.append({"source_labels": [source], "regex": "(.+)", "target_label": label})
    relabel.append({"target_label": "component", "replacement": component})
    if entry.get("answers") == "leader":
        # The others are silent, and nothing is wrong with them.
        relabel.append({"target_label": "answers", "replacement": "leader"})
    if entry.get("answers") == "ready":
        # What is still loading is silent for minutes, and nothing is wrong with it either.
        relabel.insert(0, {"source_labels": [f"{about}ready"], "regex": "true", "action": "keep"})
    return {"kubernetes_sd_configs": [found], "relabel_configs": relabel}


def _at(address: str, port: int | str) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def scraped_targets(components: Mapping[str, Any], groups: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Return how many targets each job has at least."""

    def least(entry: Mapping[str, Any]) -> int:
        if entry.get("hosts"):
            return len(hosts_of(entry["hosts"], groups))
        return 0 if entry.get("answers") == "ready" else 1

    return {entry["job"]: least(entry) for _, _, entry in _told(components)}


def scraping_policies(components: Mapping[str, Any], reader: Mapping[str, str], label: str) -> list[dict[str, Any]]:
    """Return Cilium's rules that let a reader in where pods tell of themselves, and out to them.

    They are the cluster's own: the pods' namespaces may come later.

    Args:
        components: those that the inventory has.
        reader: the labels of its pods, its namespace among them as C(namespace).
        label: marks what is made, C(key=value).
    """
    there = _selector(reader["namespace"], {key: value for key, value in reader.items() if key != "namespace"})
    key, _, value = label.partition("=")
    rules: list[dict[str, Any]] = []
    on_hosts = set()
    for _, namespace, entry in _told(components):
        ports = [{"ports": [{"port": str(entry["port"]), "protocol": "TCP"}]}]
        if entry.get("hosts") or entry.get("on_host_network"):
            on_hosts.add(str(entry["port"]))
            continue
        selector = _selector(namespace, entry["pods"])
        # It adds to what a namespace allows, and forbids nothing where that has no rules.
        rules.append(
            {
                "name": f"platform-metrics-{entry['job']}",
                "spec": {
                    "endpointSelector": selector,
                    "enableDefaultDeny": {"ingress": False, "egress": False},
                    "ingress": [{"fromEndpoints": [there], "toPorts": ports}],
                },
            }
        )
        rules.append(
            {
                "name": f"platform-metrics-{entry['job']}-asked",
                "spec": {"endpointSelector": there, "egress": [{"toEndpoints": [selector], "toPorts": ports}]},
            }
        )
    if on_hosts:
        asked = [{"ports": [{"port": port, "protocol": "TCP"} for port in sorted(on_hosts)]}]
        hosts = {"toEntities": ["host", "remote-node", "kube-apiserver"], "toPorts": asked}
        rules.append({"name": "platform-metrics-hosts", "spec": {"endpointSelector": there, "egress": [hosts]}})
    return [
        {
            "apiVersion": "cilium.io/v2", "kind": "CiliumClusterwideNetworkPolicy",
            "metadata": {"name": rule["name"], "labels": {key: value}}, "spec": rule["spec"],
        }
        for rule in rules
    ]  # fmt: skip


def _selector(namespace: str, labels: Mapping[str, str]) -> dict[str, Any]:
    return {"matchLabels": {_NAMESPACE: namespace, **{_LABEL + key: value for key, value in labels.items()}}}


class FilterModule:
    """Names the filters."""

    def filters(self) -> dict[str, Any]:
        """Return them by name."""
        return {
            "scrape_configs": scrape_configs,
            "scraped_targets": scraped_targets,
            "scraping_policies": scraping_policies,
        }
