"""What files say is read without Ansible; only what Ansible makes of them asks it, once a folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from installer.adapters.inventory_files import load_inventory, locate_inventory
from installer.adapters.inventory_files.lines import expand, read_written
from installer.errors import InvalidConfiguration
from installer.model.inventory import Inventory, Level

PROJECT = Path(__file__).parents[3]
SEALED = "$ANSIBLE_VAULT;1.1;AES256\n6162\n"
SITE = {
    "hosts.yml": """\
all:
  vars:
    platform_name: site
  children:
    admin:
      hosts:
        admin1: {ansible_host: 192.0.2.5}
    worker:
      hosts:
        w[1:2]:
          kubernetes_max_pods: 90
      children:
        gpu:
          hosts:
            gpu1: {ansible_host: 192.0.2.31}
    storage:
""",
    "group_vars/all/network.yml": "# networks\nplatform_host_networks:\n  - 192.0.2.0/24\n",
    "group_vars/all/more/deep.yaml": "platform_api_address: 192.0.2.10\n",
    "group_vars/worker.yml": "kubernetes_labels: {kind: worker}\nkubernetes_audit: {days: 1}\n",
    "group_vars/gpu": "kubernetes_labels:\n  kind: gpu\n",
    "host_vars/w2/a.yml": "kubernetes_max_pods: 100\n",
    "packages/trixie.list": "bash 5.2\nlibc6 2.41\n",
    "allowed_signers": "builder@example.com ssh-ed25519 AAAA\n",
    "bundle.lock.json": "damaged",
}


def fill(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inventory]:
    folder = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        yield load_inventory(fill(folder, SITE), PROJECT)


def test_hosts_have_their_groups_and_those_above(site: Inventory) -> None:
    assert {host.name: set(host.groups) for host in site.hosts.values()} == {
        "admin1": {"admin"},
        "w1": {"worker"},
        "w2": {"worker"},
        "gpu1": {"worker", "gpu"},
    }


def test_a_deeper_group_goes_before_the_one_above(site: Inventory) -> None:
    assert site.value("kubernetes_labels", "gpu1") == {"kind": "gpu"}
    assert site.value("kubernetes_labels", "w1") == {"kind": "worker"}


def test_a_host_goes_before_its_groups(site: Inventory) -> None:
    assert [site.value("kubernetes_max_pods", host) for host in ("w1", "w2", "gpu1")] == [90, 100, None]


def test_variables_for_all_stand_beside_the_defaults(site: Inventory) -> None:
    assert site.variables["platform_api_address"] == "192.0.2.10"
    assert site.variables["platform_api_port"] == 8443
    assert "platform_components" not in site.variables


def test_only_names_that_the_site_sets_are_explicit(site: Inventory) -> None:
    assert site.explicit == {
        "ansible_host",
        "kubernetes_audit",
        "kubernetes_labels",
        "kubernetes_max_pods",
        "platform_api_address",
        "platform_host_networks",
        "platform_name",
    }


@pytest.mark.parametrize(
    ("name", "host", "place"),
    [
        ("platform_name", None, "hosts.yml:3"),
        ("platform_host_networks", None, "group_vars/all/network.yml:2"),
        ("platform_host_networks", "w1", "group_vars/all/network.yml:2"),
        ("platform_api_address", None, "group_vars/all/more/deep.yaml:1"),
        ("kubernetes_labels", "w1", "group_vars/worker.yml:1"),
        ("kubernetes_labels", "gpu1", "group_vars/gpu:1"),
        ("kubernetes_max_pods", "w1", "hosts.yml:11"),
        ("kubernetes_max_pods", "w2", "host_vars/w2/a.yml:1"),
        ("ansible_host", "gpu1", "hosts.yml:15"),
        ("w2", None, "hosts.yml:10"),
        ("gpu", None, "hosts.yml:13"),
        ("storage", None, "hosts.yml:16"),
    ],
)
def test_everything_has_the_line_it_was_written_on(site: Inventory, name: str, host: str | None, place: str) -> None:
    assert site.where(name, host) == f"{site.path}/{place}"


def test_a_value_inside_another_has_its_line(site: Inventory) -> None:
    assert site.where("platform_host_networks", way=(0,)) == f"{site.path}/group_vars/all/network.yml:3"
    assert site.where("kubernetes_labels", "gpu1", ("kind",)) == f"{site.path}/group_vars/gpu:2"


def test_what_nothing_sets_stands_at_the_inventory(site: Inventory) -> None:
    assert site.where("platform_pod_network") == str(site.path)


def test_every_group_is_known_although_it_is_empty(site: Inventory) -> None:
    assert set(site.groups) == {"all", "admin", "worker", "gpu", "storage"}


def test_packages_that_hosts_have_are_known(site: Inventory) -> None:
    assert site.installed == {"trixie": {"bash", "libc6"}}


def test_a_site_without_mistakes_has_none(site: Inventory) -> None:
    assert site.mistakes == ()
    assert site.sealed == ()


def test_one_file_is_an_inventory_too(tmp_path: Path) -> None:
    path = fill(tmp_path, {"site.yml": SITE["hosts.yml"], "group_vars/worker.yml": "kubernetes_max_pods: 80\n"})

    inventory = load_inventory(path / "site.yml", PROJECT)

    assert inventory.name == "site"
    assert list(inventory.hosts) == ["admin1", "w1", "w2", "gpu1"]
    assert inventory.where("platform_name") == f"{tmp_path}/site.yml:3"
    assert inventory.where("kubernetes_max_pods", "gpu1") == f"{tmp_path}/group_vars/worker.yml:1"


def test_ini_files_programs_and_plugins_are_read_without_lines(tmp_path: Path) -> None:
    answer = '{"worker": {"hosts": ["w1"]}, "_meta": {"hostvars": {"w1": {"size": "large"}}}}'
    files = {
        "hosts.ini": "[admin]\nadmin1 ansible_host=192.0.2.5\n\n[all:vars]\nplatform_name=site\n",
        "cloud.py": f"#!/bin/sh\necho '{answer}'\n",
        "made.generator.yml": (
            "plugin: ansible.builtin.generator\nlayers: {number: [1, 2]}\nhosts: {name: 'gen{{ number }}'}\n"
        ),
    }
    fill(tmp_path, files)
    (tmp_path / "cloud.py").chmod(0o755)

    inventory = load_inventory(tmp_path, PROJECT)

    assert set(inventory.hosts) == {"admin1", "w1", "gen1", "gen2"}
    assert inventory.variables["platform_name"] == "site"
    assert inventory.settings == ()
    assert inventory.where("platform_name") == str(tmp_path)
    assert inventory.where("size", "w1") == str(tmp_path)


def test_a_file_that_ansible_cannot_read_stops_although_others_are_good(tmp_path: Path) -> None:
    fill(tmp_path, {"hosts.yml": SITE["hosts.yml"], "more": "[admin\nhost one two\n"})

    with pytest.raises(InvalidConfiguration) as caught:
        load_inventory(tmp_path, PROJECT)

    assert "Ansible cannot read it" in caught.value.details[0]


def test_an_encrypted_file_without_its_password_says_how_to_name_one(tmp_path: Path) -> None:
    fill(tmp_path, {"hosts.yml": SITE["hosts.yml"], "group_vars/all/keys.yml": SEALED})

    with pytest.raises(InvalidConfiguration) as caught:
        load_inventory(tmp_path, PROJECT)

    assert "ANSIBLE_VAULT_PASSWORD_FILE" in caught.value.problems[0].cure


def test_a_mistake_with_a_line_is_told_where_ansible_refuses_the_file(tmp_path: Path) -> None:
    fill(tmp_path, {"hosts.yml": "all:\n  hosts:\n    - one\n    - two\n"})

    with pytest.raises(InvalidConfiguration) as caught:
        load_inventory(tmp_path, PROJECT)

    assert [problem.where for problem in caught.value.problems] == [f"{tmp_path}/hosts.yml:2"]


# ---------------------------------------------------------------- without Ansible


def test_encrypted_files_are_noted_and_not_read(tmp_path: Path) -> None:
    fill(tmp_path, {"group_vars/all/keys.yml": SEALED, "group_vars/all/more.vault.yml": SEALED})

    written = read_written(tmp_path)

    assert written.settings == ()
    assert [Path(name).name for name in written.sealed] == ["keys.yml", "more.vault.yml"]
    assert written.mistakes == ()


def test_every_file_that_is_not_yaml_is_told_at_once(tmp_path: Path) -> None:
    broken = {"hosts.yml": "all: [\n", "group_vars/all/a.yml": "a: 1\nb: {{ c }}\n"}
    fill(tmp_path, {**broken, "group_vars/all/b.yml": "c: 1\n"})

    with pytest.raises(InvalidConfiguration) as caught:
        read_written(tmp_path)

    assert [problem.where for problem in caught.value.problems] == [
        f"{tmp_path}/hosts.yml:2",
        f"{tmp_path}/group_vars/all/a.yml:2",
    ]


def test_every_file_that_cannot_be_read_is_told_at_once(tmp_path: Path) -> None:
    fill(tmp_path, {"hosts.yml": SITE["hosts.yml"], "group_vars/all/a.yml": "a: 1\n"})
    (tmp_path / "group_vars" / "all" / "b.yml").symlink_to(tmp_path / "none")
    (tmp_path / "group_vars" / "worker.yml").symlink_to(tmp_path / "none")
    (tmp_path / "host_vars").mkdir()
    (tmp_path / "host_vars" / "w1.yml").write_bytes(b"a: \xff\n")

    with pytest.raises(InvalidConfiguration) as caught:
        read_written(tmp_path)

    places = [problem.where.removeprefix(f"{tmp_path}/") for problem in caught.value.problems]
    assert places == ["group_vars/all/b.yml", "group_vars/worker.yml", "host_vars/w1.yml"]
    assert all(problem.message.startswith("cannot be read: ") for problem in caught.value.problems)


def test_hidden_files_and_copies_are_passed_over_as_ansible_does(tmp_path: Path) -> None:
    broken = "a: [\n"
    files = ("all/.b.yml", "all/c.yml~", "all/d.txt", ".e.yml")
    fill(tmp_path, {f"group_vars/{name}": broken for name in files} | {".hidden.yml": broken})

    assert read_written(tmp_path).settings == ()


def test_settings_say_whose_they_are(tmp_path: Path) -> None:
    fill(tmp_path, SITE)

    found = {(setting.name, setting.level, setting.owner) for setting in read_written(tmp_path).settings}

    assert ("platform_name", Level.ALL, "all") in found
    assert ("kubernetes_audit", Level.GROUP, "worker") in found
    assert ("kubernetes_max_pods", Level.HOST, "w1") in found


def test_a_folder_called_like_a_variable_folder_above_the_inventory_changes_nothing(tmp_path: Path) -> None:
    folder = fill(tmp_path / "group_vars" / "site", {"hosts.yml": SITE["hosts.yml"]})

    assert "admin1" in read_written(folder).hosts


@pytest.mark.parametrize(
    ("pattern", "hosts"),
    [
        ("w1", ["w1"]),
        ("w[1:3]", ["w1", "w2", "w3"]),
        ("w[08:10]", ["w08", "w09", "w10"]),
        ("w[2:8:3]", ["w2", "w5", "w8"]),
        ("rack-[a:c]", ["rack-a", "rack-b", "rack-c"]),
        ("r[1:2]-[a:b]", ["r1-a", "r1-b", "r2-a", "r2-b"]),
    ],
)
def test_ranges_mean_the_hosts_that_ansible_makes_of_them(pattern: str, hosts: list[str]) -> None:
    assert expand(pattern) == hosts


def test_an_inventory_is_found_by_name_or_by_path(tmp_path: Path) -> None:
    (tmp_path / "inventories" / "one").mkdir(parents=True)

    assert locate_inventory("one", tmp_path) == tmp_path / "inventories" / "one"
    assert locate_inventory(str(tmp_path), tmp_path) == tmp_path


def test_an_inventory_that_there_is_not_is_answered_with_those_there_are(tmp_path: Path) -> None:
    (tmp_path / "inventories" / "one").mkdir(parents=True)

    with pytest.raises(InvalidConfiguration) as caught:
        locate_inventory("two", tmp_path)

    assert caught.value.problems[0].cure == "Give a path, or one of: one."
