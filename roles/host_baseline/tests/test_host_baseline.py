"""A host in line, seen from outside."""

from __future__ import annotations

import pytest
from testinfra.host import Host

testinfra_hosts = ["ansible://all?force_ansible=True"]


@pytest.mark.parametrize(("name", "value"), [("net.ipv4.ip_forward", "1"), ("vm.overcommit_memory", "1")])
def test_kernel_settings_are_in_force_and_kept(host: Host, name: str, value: str) -> None:
    assert host.check_output("sysctl --values %s", name) == value
    assert host.file("/etc/sysctl.d/60-platform.conf").contains(f"^{name} = {value}$")


def test_packages_come_from_the_bundle_alone(host: Host) -> None:
    sources = host.run("grep -rhoE '^(deb|URIs:) .*' /etc/apt/sources.list /etc/apt/sources.list.d").stdout

    assert len(sources.splitlines()) == 1
    assert "URIs: file:/" in sources or "URIs: https://seed." in sources


def test_apt_trusts_nothing_that_is_not_signed(host: Host) -> None:
    source = host.file("/etc/apt/sources.list.d/platform.sources").content_string

    assert "Signed-By: /etc/apt/keyrings/platform.asc" in source
    assert "trusted" not in source.lower()


def test_the_clock_follows_somebody(host: Host) -> None:
    tracking = host.check_output("chronyc -c tracking").split(",")

    assert int(tracking[2]) in range(1, 16), "A stratum of 16 or 0 means that the clock follows nobody."
    assert abs(float(tracking[4])) < 0.5


def test_hosts_know_each_other(host: Host) -> None:
    names = host.ansible.get_variables()["groups"]["all"]

    known = host.check_output("getent hosts " + " ".join(names))

    assert len(known.splitlines()) == len(names)


def test_nothing_is_swapped(host: Host) -> None:
    assert host.check_output("swapon --show --noheadings") == ""


def test_ssh_takes_no_passwords(host: Host) -> None:
    settings = host.check_output("sshd -T")

    assert "\npasswordauthentication no\n" in f"\n{settings}\n"
    assert "\npermitemptypasswords no\n" in f"\n{settings}\n"


def test_programs_trust_the_platforms_authority(host: Host) -> None:
    verified = host.run("openssl verify -CApath /etc/ssl/certs /etc/platform/ca.crt")

    assert verified.rc == 0, verified.stderr


def test_the_journal_is_bounded(host: Host) -> None:
    settings = host.check_output("systemd-analyze cat-config systemd/journald.conf")

    assert "\nSystemMaxUse=1G" in settings
