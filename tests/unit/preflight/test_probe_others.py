from __future__ import annotations

import json
from pathlib import Path

from ansible_collections.platform.base.plugins.module_utils.preflight_probes import others

from tests.unit.preflight.hosts import Programs, host


def test_the_platforms_programs_and_units_are_known_by_its_record(tmp_path: Path) -> None:
    files = {
        "/var/lib/platform/files.json": json.dumps({"/usr/local/bin/containerd": {}}),
        "/etc/systemd/system/containerd.service": "[Service]\nExecStart=/usr/local/bin/containerd\n",
        "/etc/systemd/system/other.service": "[Service]\nExecStart=/usr/local/bin/containerd-other\n",
        "/etc/systemd/system/chrony.service.d/60-platform.conf": "",
        "/etc/systemd/system/nginx.service.d/local.conf": "",
        "/etc/systemd/system/platform-registry.service": "",
    }

    found = others.ours(host(tmp_path, files))

    assert found == {
        "programs": ["/usr/local/bin/containerd"],
        "units": ["chrony.service", "containerd.service", "platform-registry.service"],
    }


def test_on_a_bare_host_nothing_is_the_platforms(tmp_path: Path) -> None:
    assert others.ours(host(tmp_path, {})) == {"programs": [], "units": []}


def test_units_that_are_not_there_are_not_told() -> None:
    blocks = ["Id=containerd.service\nActiveState=inactive\nUnitFileState=\nFragmentPath=", *["FragmentPath="] * 6]
    blocks[1] = (
        "Id=crio.service\nActiveState=active\nUnitFileState=enabled\nFragmentPath=/lib/systemd/system/crio.service"
    )

    found = others.units(Programs({"systemctl": "\n\n".join(blocks)}), {"units": []})

    assert found == {"crio.service": {"active": True, "enabled": True, "ours": False}}


def test_traces_of_a_cluster_are_folders_with_something_in_them_and_links(tmp_path: Path) -> None:
    files = {
        "/etc/kubernetes/manifests/etcd.yaml": "",
        "/var/lib/etcd/lost+found/x": "",
        "/sys/class/net/cni0/mtu": "1500",
        "/sys/class/net/eth0/mtu": "1500",
    }

    assert others.traces(host(tmp_path, files)) == ["/etc/kubernetes", "the link cni0"]


def test_proxies_are_told_without_their_passwords(tmp_path: Path) -> None:
    root = host(
        tmp_path, {"/etc/environment": 'https_proxy="http://me:secret@proxy.example:3128"\nNO_PROXY=.example\n'}
    )

    found = others.proxies(root, {"acquire::http::proxy": "http://b.example:2"}, {"PATH": "/bin"})

    assert [(entry["name"], entry["value"]) for entry in found] == [
        ("https_proxy", "http://***@proxy.example:3128"),
        ("no_proxy", ".example"),
        ("acquire::http::proxy", "http://b.example:2"),
    ]
