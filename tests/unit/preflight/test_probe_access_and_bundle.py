from __future__ import annotations

from pathlib import Path

from ansible_collections.platform.base.plugins.module_utils.preflight_probes import access, bundle

from tests.unit.preflight.hosts import Programs, host

_PASSWD = "operator:x:1000:1000::/home/operator:/bin/bash\n"


def test_keys_are_counted_where_the_server_looks_for_them(tmp_path: Path) -> None:
    files = {
        "/etc/ssh/keys/operator": "# nobody\nssh-ed25519 AAAA a\n\nssh-ed25519 BBBB b\n",
        "/etc/ssh/sshd_config": "Include /etc/ssh/sshd_config.d/*.conf\n",
    }
    programs = Programs({"sshd": "authorizedkeysfile /etc/ssh/keys/%u\ntrustedusercakeys none\n", "getent": _PASSWD})

    found = access.ssh(host(tmp_path, files), programs, "operator")

    assert found == {"keys": 2, "files": ["/etc/ssh/keys/operator"], "other_ways": False, "reads_drop_ins": True}


def test_a_certificate_authority_is_another_way_in(tmp_path: Path) -> None:
    programs = Programs({"sshd": "trustedusercakeys /etc/ssh/ca.pub\n", "getent": _PASSWD})

    found = access.ssh(host(tmp_path, {}), programs, "operator")

    assert found["other_ways"] and not found["reads_drop_ins"]


def test_a_bundle_is_known_by_its_release(tmp_path: Path) -> None:
    files = {
        "/srv/bundle/RELEASE": "format: pib/1\nid: example-1\nsigned: no\n",
        "/srv/bundle/apt/trixie/InRelease": "",
    }

    found = bundle.bundles(host(tmp_path, files), ["/srv/bundle"])["/srv/bundle"]

    assert found["release"] == {"format": "pib/1", "id": "example-1"}
    assert found["repositories"] == ["trixie"]
    assert found["digest"].startswith("sha256:")


def test_a_folder_on_the_way_to_the_bundle_may_be_closed(tmp_path: Path) -> None:
    root = host(tmp_path, {"/root/bundle/RELEASE": "format: pib/1\n"})
    (tmp_path / "root").chmod(0o700)

    assert bundle.bundles(root, ["/root/bundle"])["/root/bundle"]["closed"] == "/root"


def test_a_missing_file_has_no_size_and_no_digest(tmp_path: Path) -> None:
    root = host(tmp_path, {"/etc/hosts": "x"})

    assert bundle.files(root, ["/etc/hosts", "/etc/none"]) == {"/etc/hosts": 1, "/etc/none": -1}
    assert bundle.digests(root, ["/etc/none"]) == {"/etc/none": ""}


def test_a_programs_version_is_read_out_of_what_it_says(tmp_path: Path) -> None:
    root = host(tmp_path, {"/usr/local/bin/kubelet": ""})

    found = bundle.versions(
        root, Programs({"/usr/local/bin/kubelet": "Kubernetes v1.36.4\n"}), ["/usr/local/bin/kubelet", "/usr/bin/none"]
    )

    assert found == {"/usr/local/bin/kubelet": "v1.36.4", "/usr/bin/none": ""}
