"""How what components tell of themselves is read, and who lets the reader in."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.platform.base.plugins.filter.metrics import (
    hosts_of,
    scrape_configs,
    scraped_targets,
    scraping_policies,
)

GROUPS = {"control_plane": ["cp1", "cp2"], "worker": ["cp2", "w1"], "admin": ["a1"]}
ADDRESSES = {"cp1": "192.0.2.1", "cp2": "192.0.2.2", "w1": "2001:db8::3", "a1": "192.0.2.9"}
AUTHORITIES = {"cluster": "/cluster.crt", "platform": "/platform.crt"}
KUBELET = {
    "job": "kubelet", "hosts": "control_plane:worker", "port": 10250, "scheme": "https", "authority": "cluster",
    "token": True,
}  # fmt: skip
STORE = {
    "job": "store", "pods": {"app": "store"}, "port": 8085, "scheme": "https", "authority": "platform",
    "server_name": "store.shop.svc", "path": "/told", "parameters": {"format": "text"}, "keep": "store_.*;",
}  # fmt: skip
AGENT = {"job": "agent", "pods": {"app": "agent"}, "namespace": "kube-system", "port": 9963, "on_host_network": True}
READER = {"namespace": "monitoring", "app": "reader"}


def components(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"shop": {"namespace": "shop", "metrics": list(entries)}, "silent": {"summary": "Tells nothing"}}


def configs(*entries: dict[str, Any]) -> list[dict[str, Any]]:
    return scrape_configs(components(*entries), GROUPS, ADDRESSES, AUTHORITIES, "/token")


@pytest.mark.parametrize(
    ("pattern", "hosts"),
    [("admin", ["a1"]), ("control_plane:worker", ["cp1", "cp2", "w1"]), ("control_plane[1]", ["cp2"]), ("gpu", [])],
)
def test_a_pattern_means_each_host_once(pattern: str, hosts: list[str]) -> None:
    assert hosts_of(pattern, GROUPS) == hosts


def test_a_pattern_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(ValueError, match="'!worker' is no group"):
        hosts_of("control_plane:!worker", GROUPS)


def test_series_are_called_by_what_their_pods_are_labelled_with() -> None:
    engine = {**STORE, "labels": {"model_name": "platform.internal/model"}}

    (job,) = configs(engine)

    named = {
        "source_labels": ["__meta_kubernetes_pod_label_platform_internal_model"], "regex": "(.+)",
        "target_label": "model_name",
    }  # fmt: skip
    assert named in job["relabel_configs"]
    assert named not in configs(STORE)[0]["relabel_configs"]


def test_copies_that_are_still_loading_are_not_asked_and_not_waited_for() -> None:
    engine = {"job": "engine", "pods": {"app": "engine"}, "port": 8000, "answers": "ready"}

    (job,) = configs(engine)

    kept = {"source_labels": ["__meta_kubernetes_pod_ready"], "regex": "true", "action": "keep"}
    assert kept in job["relabel_configs"]
    assert kept not in configs(STORE)[0]["relabel_configs"]
    assert scraped_targets(components(engine, STORE), GROUPS) == {"engine": 0, "store": 1}


def test_hosts_are_asked_at_their_addresses_and_called_by_their_names() -> None:
    (job,) = configs(KUBELET)

    assert [entry["targets"] for entry in job["static_configs"]] == [
        ["192.0.2.1:10250"], ["192.0.2.2:10250"], ["[2001:db8::3]:10250"],
    ]  # fmt: skip
    assert job["static_configs"][2]["labels"] == {"component": "shop", "node": "w1", "instance": "w1"}


@pytest.mark.parametrize(("told", "labelled"), [({}, False), ({"answers": "leader"}, True)])
def test_copies_of_which_only_the_leader_answers_are_told_apart(told: dict[str, Any], labelled: bool) -> None:
    (job,) = configs({**STORE, **told})

    assert ({"target_label": "answers", "replacement": "leader"} in job["relabel_configs"]) == labelled


def test_who_wants_to_know_who_asks_is_shown_the_token_and_known_by_its_certificate() -> None:
    (job,) = configs(KUBELET)

    assert job["scheme"] == "https"
    assert job["tls_config"] == {"ca_file": "/cluster.crt"}
    assert job["authorization"] == {"credentials_file": "/token"}


def test_pods_are_found_by_their_labels_in_their_namespace() -> None:
    (job,) = configs(STORE)

    assert job["kubernetes_sd_configs"] == [
        {"role": "pod", "namespaces": {"names": ["shop"]}, "selectors": [{"role": "pod", "label": "app=store"}]}
    ]
    addressed = [rule for rule in job["relabel_configs"] if rule.get("target_label") == "__address__"]
    assert [rule["replacement"] for rule in addressed] == ["$1:8085"]


def test_what_an_entry_asks_for_reaches_the_job() -> None:
    (job,) = configs(STORE)

    assert (job["metrics_path"], job["params"]) == ("/told", {"format": ["text"]})
    assert job["tls_config"] == {"ca_file": "/platform.crt", "server_name": "store.shop.svc"}
    assert [rule["regex"] for rule in job["metric_relabel_configs"]] == ["store_.*;"]


def test_each_host_is_a_target_and_of_pods_there_is_one_at_least() -> None:
    assert scraped_targets(components(KUBELET, STORE), GROUPS) == {"kubelet": 3, "store": 1}


def test_pods_let_the_reader_in_at_the_one_port_and_forbid_nothing_else() -> None:
    policies = {
        entry["metadata"]["name"]: entry["spec"] for entry in scraping_policies(components(STORE), READER, "a=b")
    }

    rule = policies["platform-metrics-store"]
    assert rule["endpointSelector"]["matchLabels"] == {"k8s:io.kubernetes.pod.namespace": "shop", "k8s:app": "store"}
    assert rule["enableDefaultDeny"] == {"ingress": False, "egress": False}
    assert rule["ingress"] == [
        {
            "fromEndpoints": [{"matchLabels": {"k8s:io.kubernetes.pod.namespace": "monitoring", "k8s:app": "reader"}}],
            "toPorts": [{"ports": [{"port": "8085", "protocol": "TCP"}]}],
        }
    ]
    assert policies["platform-metrics-store-asked"]["egress"][0]["toEndpoints"] == [rule["endpointSelector"]]


def test_the_reader_may_ask_hosts_at_the_ports_that_are_declared() -> None:
    (policy,) = scraping_policies(components(KUBELET, AGENT), READER, "a=b")

    (rule,) = policy["spec"]["egress"]
    assert [entry["port"] for entry in rule["toPorts"][0]["ports"]] == ["10250", "9963"]
    assert policy["metadata"]["labels"] == {"a": "b"}
