"""What a host gets follows from its groups and the catalogue."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.platform.base.plugins.filter import components as filters

COMPONENTS: dict[str, Any] = {
    "baseline": {"runs_on": "all", "packages": {"default": ["chrony"]}, "images": []},
    "endpoint": {
        "runs_on": "control_plane",
        "packages": {"default": ["haproxy"], "noble": ["haproxy-new"]},
        "images": [],
    },
    "tools": {"runs_on": "admin[0]", "packages": {}, "images": []},
    "cluster": {
        "runs_on": "control_plane:worker",
        "packages": {},
        "images": [
            {"name": "pause", "version": "1", "hosts": "nodes"},
            {"name": "apiserver", "version": "2", "hosts": "control_plane"},
            {"name": "probe", "version": "3", "hosts": "none"},
        ],
    },
}


def test_an_image_is_named_as_charts_want_it() -> None:
    images = {"registry/web": {"version": "v1", "digest": "sha256:1"}}

    assert filters.image_by_digest(images, "registry/web") == {
        "repository": "registry/web",
        "tag": "v1",
        "digest": "sha256:1",
    }


@pytest.mark.parametrize(
    ("pattern", "groups", "means"),
    [
        ("all", [], True),
        ("worker", ["worker"], True),
        ("worker", ["control_plane"], False),
        ("control_plane:worker", ["worker"], True),
        ("admin[0]", ["admin"], True),
        ("gpu", ["worker"], False),
    ],
)
def test_a_pattern_means_a_hosts_groups(pattern: str, groups: list[str], means: bool) -> None:
    assert filters.runs_on_group(pattern, groups) is means


@pytest.mark.parametrize(
    ("groups", "extra", "packages"),
    [
        (["worker"], [], {"default": ["chrony"], "noble": ["chrony"]}),
        (["control_plane"], [], {"default": ["chrony", "haproxy"], "noble": ["chrony", "haproxy-new"]}),
        (["worker"], ["vim"], {"default": ["chrony", "vim"], "noble": ["chrony", "vim"]}),
    ],
)
def test_a_host_gets_the_packages_of_its_components_by_release(
    groups: list[str], extra: list[str], packages: dict[str, list[str]]
) -> None:
    # A release that only another group's component names may be missing: nothing differs there.
    found = filters.packages_for(COMPONENTS, groups, extra)

    assert found == {release: names for release, names in packages.items() if release in found}
    assert "default" in found


@pytest.mark.parametrize(
    ("groups", "images"), [(["worker"], ["pause:1"]), (["control_plane"], ["apiserver:2", "pause:1"])]
)
def test_a_host_has_images_before_anything_asks_those_of_the_control_plane_first(
    groups: list[str], images: list[str]
) -> None:
    assert filters.images_for(COMPONENTS, groups) == images


@pytest.mark.parametrize(
    ("network", "number", "address"), [("10.96.0.0/16", 10, "10.96.0.10"), ("fd00::/112", 1, "fd00::1")]
)
def test_an_address_is_found_by_its_place(network: str, number: int, address: str) -> None:
    assert filters.nth_address(network, number) == address


@pytest.mark.parametrize(
    ("path", "hosts"),
    [("mark.stat.exists", ["b"]), ("mark.stat", ["a", "b"]), ("none.of.this", []), ("mark.stat.exists.more", [])],
)
def test_hosts_are_chosen_by_what_was_registered(path: str, hosts: list[str]) -> None:
    known = {"a": {"mark": {"stat": {"exists": False}}}, "b": {"mark": {"stat": {"exists": True}}}, "c": {}}

    assert filters.having(["a", "b", "c"], known, path) == hosts


def test_an_image_is_named_by_tag_and_by_digest() -> None:
    images = {"quay.io/a/b": {"version": "v1", "digest": "sha256:00"}}

    assert filters.image_reference(images, "quay.io/a/b") == "quay.io/a/b:v1@sha256:00"


def test_programs_are_entries_by_digest() -> None:
    entries = filters.programs(
        ["kubectl"], {"kubectl": {"digest": "sha256:00"}, "helm": {"digest": "sha256:11"}}, "/usr/bin"
    )

    assert entries == [{"path": "/usr/bin/kubectl", "digest": "sha256:00"}]


def test_every_registry_gets_a_file_of_its_own() -> None:
    (entry,) = filters.registry_files(["quay.io"], "server of @REGISTRY@")

    assert entry["path"] == "/etc/containerd/certs.d/quay.io/hosts.toml"
    assert entry["content"] == "server of quay.io"


def test_only_root_reads_secrets() -> None:
    assert filters.secret_files({"/b": "2", "/a": "1"}) == [
        {"path": "/a", "content": "1", "mode": "0600"},
        {"path": "/b", "content": "2", "mode": "0600"},
    ]


def test_every_filter_has_its_name() -> None:
    assert all(function.__name__ == name for name, function in filters.FilterModule().filters().items())


def test_what_an_inventory_leaves_out_brings_nothing() -> None:
    assert set(filters.wanted(COMPONENTS, {})) == set(COMPONENTS)
    left_out = next(iter(COMPONENTS))

    assert left_out not in filters.wanted(COMPONENTS, {left_out: "The site has one."})


def test_a_host_gets_the_chosen_sets_for_its_own_kernel() -> None:
    sets = {
        "compiled": {"trixie": ["dkms", "headers-{kernel}"]},
        "switch": {"noble": ["manager"]},
        "other": {"trixie": ["x"]},
    }

    found = filters.package_set(sets, ["compiled", "switch"], "6.1")

    assert found == {"default": [], "trixie": ["dkms", "headers-6.1"], "noble": ["manager"]}


def test_only_hosts_with_gpus_have_the_images_of_gpus() -> None:
    components = {"gpus": {"images": [{"name": "driver", "version": "1", "hosts": "gpu"}]}}

    assert filters.images_for(components, ["worker"]) == []
    assert filters.images_for(components, ["gpu", "worker"]) == ["driver:1"]


def test_a_part_of_a_chart_has_its_settings_and_its_image_by_a_tag_with_a_digest() -> None:
    images = {"docker.io/one": {"version": "v1", "digest": "sha256:0"}}

    part = filters.image_with_tag("docker.io/one", images, {"replicas": 1}, {"replicas": 2})

    assert part == {"image": {"repository": "docker.io/one", "tag": "v1@sha256:0"}, "replicas": 2}


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://login.example.com", "login.example.com:443"),
        ("https://login.example.com:8443/realm", "login.example.com:8443"),
        ("ldaps://ldap.example.com", "ldap.example.com:636"),
    ],
)
def test_a_url_says_where_its_server_answers(url: str, place: str) -> None:
    assert filters.place_of_url(url) == place


def test_entries_are_picked_under_other_names_and_missing_ones_are_told() -> None:
    assert filters.picked({"one": "1", "two": "2"}, {"ONE": "one"}) == {"ONE": "1"}
    with pytest.raises(KeyError, match="three"):
        filters.picked({"one": "1"}, {"THREE": "three"})


def test_ports_are_told_as_the_networks_policies_take_them() -> None:
    assert filters.tcp_ports([443]) == [{"port": "443", "protocol": "TCP"}]


CATALOG: dict[str, Any] = {
    "base": {"needs": []},
    "cluster": {"needs": ["base"], "verify_needs": ["network"]},
    "network": {"needs": ["cluster"]},
    "storage": {"needs": ["network"]},
    "backup": {"needs": ["cluster"], "verify_needs": ["storage"]},
    "shop": {"needs": ["base"], "follows": ["storage", "elsewhere"]},
}


@pytest.mark.parametrize(
    ("name", "needed"),
    [
        ("base", []),
        ("backup", ["base", "cluster", "network", "storage"]),
        # The network stands on the cluster, and cannot be there before.
        ("cluster", ["base"]),
        ("shop", ["base", "cluster", "network", "storage"]),
    ],
)
def test_what_a_component_alone_is_tried_with(name: str, needed: list[str]) -> None:
    assert filters.needed_to_try(CATALOG, name) == needed


@pytest.mark.parametrize(
    ("address", "network"),
    [("192.0.2.7", "192.0.2.7/32"), ("2001:db8::7", "2001:db8::7/128"), ("192.0.2.0/24", "192.0.2.0/24")],
)
def test_pods_may_reach_what_a_site_allows(address: str, network: str) -> None:
    (rule,) = filters.egress_rules([{"address": address, "port": 443, "reason": "the provider of identities"}])

    assert rule == {"toCIDR": [network], "toPorts": [{"ports": [{"port": "443", "protocol": "TCP"}]}]}


def test_what_is_allowed_by_another_protocol_is_no_rule_of_tcp() -> None:
    assert filters.egress_rules([{"address": "192.0.2.7", "port": 53, "protocol": "udp"}]) == []
