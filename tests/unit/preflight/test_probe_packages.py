from __future__ import annotations

from pathlib import Path

from ansible_collections.platform.base.plugins.module_utils.preflight_probes import packages

from tests.unit.preflight.hosts import host


def _record(name: str, status: str) -> str:
    return f"Package: {name}\nStatus: {status}\nVersion: 1.0-1\nDescription: x\n more\n"


def test_packages_in_the_way_half_done_and_held_are_told(tmp_path: Path) -> None:
    status = "\n".join(
        [
            _record("docker.io", "install ok installed"),
            _record("vim", "install ok installed"),
            _record("grub-pc", "install reinstreq half-installed"),
            _record("haproxy", "hold ok installed"),
            _record("containerd", "deinstall ok config-files"),
            _record("man-db", "install ok half-configured"),
        ]
    )

    found = packages.packages(host(tmp_path, {"/var/lib/dpkg/status": status}))

    assert found == {
        "installed": {"docker.io": "1.0-1"},
        "broken": ["grub-pc (reinstreq)"],
        "held": ["haproxy"],
        "locked_by": [],
    }


def test_who_has_the_lock_is_named(tmp_path: Path) -> None:
    root = host(tmp_path, {"/var/lib/dpkg/lock-frontend": "", "/proc/811/comm": "apt-get\n"})
    inode = (tmp_path / "var/lib/dpkg/lock-frontend").stat().st_ino
    root = host(tmp_path, {"/proc/locks": f"1: POSIX  ADVISORY  WRITE 811 fd:01:{inode} 0 EOF\n"})

    assert packages.locked_by(root) == ["apt-get (811)"]


def test_apts_settings_are_read_in_both_ways_of_writing_them(tmp_path: Path) -> None:
    files = {
        "/etc/apt/apt.conf.d/10a": 'Acquire { http { Proxy "http://a.example:1"; }; };\n// Acquire::Retries "9";\n',
        "/etc/apt/apt.conf.d/50b": 'Unattended-Upgrade::Automatic-Reboot "true";\nAcquire::http::Proxy "http://b.example:2";\n',
    }

    found = packages.apt_settings(host(tmp_path, files))

    assert found == {"acquire::http::proxy": "http://b.example:2", "unattended-upgrade::automatic-reboot": "true"}
