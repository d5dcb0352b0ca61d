"""Install packages from the platform's repository, and from nowhere else."""

from __future__ import annotations

import os
import subprocess
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.platform.base.plugins.module_utils.hostfile import Wanted, apply, difference

_POLICY = "/usr/sbin/policy-rc.d"
_SOURCE = "/etc/apt/sources.list.d/platform.sources"
_KEY = "/etc/apt/keyrings/platform.asc"
_SETTINGS = "/etc/apt/apt.conf.d/60platform"
_SET_ASIDE = "/etc/apt/set-aside-by-platform"


def _installed(names: list[str]) -> set[str]:
    """Return which of the packages are installed and configured."""
    done = subprocess.run(
        ["dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\n", *names],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    pairs = (line.split() for line in done.stdout.splitlines())
    return {pair[0] for pair in pairs if pair[-1] == "installed"}


def release() -> str:
    """Return the host's release."""
    with open("/etc/os-release", encoding="utf-8") as stream:
        values = dict(line.rstrip("\n").split("=", 1) for line in stream if "=" in line)
    return values.get("VERSION_CODENAME", "").strip('"')


def _foreign_sources() -> list[str]:
    """Return the lists of sources that are not the platform's."""
    folder = "/etc/apt/sources.list.d"
    names = [os.path.join(folder, name) for name in os.listdir(folder)] if os.path.isdir(folder) else []
    lists = [name for name in names if name.endswith((".list", ".sources"))]
    return sorted(name for name in ["/etc/apt/sources.list", *lists] if name != _SOURCE and os.path.exists(name))


def _repository_files(repository: dict[str, Any]) -> list[Wanted]:
    """Return the files that make the bundle the one source of packages."""
    source = (
        "# The platform's packages, out of the bundle; there is no other source.\n"
        f"Types: deb\nURIs: {repository['uri'].rstrip('/')}/\nSuites: apt/{release()}/\nSigned-By: {_KEY}\n"
    )
    settings = 'APT::Periodic::Update-Package-Lists "0";\nAPT::Periodic::Unattended-Upgrade "0";\n'
    if repository["ca_certificate"]:
        host = urlsplit(repository["uri"]).hostname
        settings += f'Acquire::https::{host}::CaInfo "{repository["ca_certificate"]}";\n'
    contents = {_KEY: repository["key"], _SOURCE: source, _SETTINGS: settings}
    return [Wanted(path, content=content.encode(), mode=0o644) for path, content in contents.items()]


def point_at(repository: dict[str, Any], wet: bool) -> list[str]:
    """Make the bundle the one source of packages, and return what changed."""
    changed = []
    for wanted in _repository_files(repository):
        if difference(wanted):
            changed.append(wanted.path)
            if wet:
                apply(wanted)
    for path in _foreign_sources():
        changed.append(path)
        if wet:
            os.makedirs(_SET_ASIDE, exist_ok=True)
            os.replace(path, os.path.join(_SET_ASIDE, os.path.basename(path)))
    return changed


class PackagesFailed(Exception):
    """apt or dpkg could not do what was asked."""


def _apt(*arguments: str) -> None:
    """Run apt-get with the platform's source alone."""
    options = {
        "Dir::Etc::sourcelist": _SOURCE,
        "Dir::Etc::sourceparts": "-",
        "APT::Get::List-Cleanup": "false",
        "APT::Install-Recommends": "false",
        "DPkg::Lock::Timeout": "120",
        "Dpkg::Options::": "--force-confdef",
        "DPkg::Options::": "--force-confold",
        "Acquire::Languages": "none",
        "APT::Sandbox::User": "root",
    }
    flags = [part for key, value in options.items() for part in ("-o", f"{key}={value}")]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8", "NEEDRESTART_SUSPEND": "1"}
    done = subprocess.run(
        ["apt-get", *flags, "-qq", *arguments], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise PackagesFailed(f"`apt-get {' '.join(arguments)}` failed: {done.stderr.strip() or done.stdout.strip()}")


def missing(names: list[str]) -> list[str]:
    """Return which packages are not installed and configured; dpkg's own records make it quick."""
    have = _installed(names) if names else set()
    return [name for name in names if name not in have]


def names_for(by_release: dict[str, list[str]]) -> list[str]:
    """Return the packages of this host's release."""
    return sorted(set(by_release.get(release(), by_release.get("default", []))))


def change(names: list[str], present: bool) -> None:
    """Install or remove packages, with their services left alone."""
    keep_policy = os.path.exists(_POLICY)
    if not keep_policy:
        with open(_POLICY, "w", encoding="utf-8") as stream:
            stream.write("#!/bin/sh\nexit 101\n")
        os.chmod(_POLICY, 0o755)
    try:
        # An earlier run may have been killed in the middle.
        subprocess.run(
            ["dpkg", "--configure", "-a", "--force-confdef", "--force-confold"], capture_output=True, check=False
        )
        if present:
            _apt("update", "-o", "APT::Update::Error-Mode=any")
            _apt("install", "--yes", "--no-remove", *names)
        else:
            _apt("purge", "--yes", *names)
    finally:
        if not keep_policy:
            os.unlink(_POLICY)
