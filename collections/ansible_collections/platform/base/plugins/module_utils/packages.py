"""Install packages from the platform's repository, and from nowhere else."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import re
import subprocess
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.platform.base.plugins.module_utils.hostfile import Wanted, apply, difference
from ansible_collections.platform.base.plugins.module_utils.originals import FOLDER, Record

_POLICY = "/usr/sbin/policy-rc.d"
_NO_SERVICES = "#!/bin/sh\n# While the platform's packages are installed.\nexit 101\n"
_SOURCE = "/etc/apt/sources.list.d/platform.sources"
_KEY = "/etc/apt/keyrings/platform.asc"
_SETTINGS = "/etc/apt/apt.conf.d/60platform"
_SET_ASIDE = "/etc/apt/set-aside-by-platform"
_LISTS = "/var/lib/apt/lists"
# One of no template, which never runs by itself.
_UNIT = re.compile(r"/systemd/system/[^/@]+\.(?:path|service|socket|timer)$")
_RECORD = f"{FOLDER}/packages.json"


def _listed(*names: str) -> set[str]:
    """Return which of the packages are installed and configured; of all there are when none is named."""
    done = subprocess.run(
        ["dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\n", *names],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    pairs = (line.split() for line in done.stdout.splitlines())
    return {pair[0] for pair in pairs if pair[-1] == "installed"}


def _installed(names: list[str]) -> set[str]:
    """Return which of the packages are installed and configured."""
    return _listed(*names) if names else set()


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


def give_back_sources(wet: bool) -> list[str]:
    """Put the sources back that were set aside, take the bundle's away, and return what changed."""
    changed = [path for path in (_SOURCE, _KEY, _SETTINGS) if os.path.exists(path)]
    aside = sorted(os.listdir(_SET_ASIDE)) if os.path.isdir(_SET_ASIDE) else []
    back = {
        name: "/etc/apt/sources.list" if name == "sources.list" else f"/etc/apt/sources.list.d/{name}" for name in aside
    }
    if wet:
        for path in changed:
            os.unlink(path)
        for name, path in back.items():
            os.replace(os.path.join(_SET_ASIDE, name), path)
        if os.path.isdir(_SET_ASIDE):
            os.rmdir(_SET_ASIDE)
        if changed:
            _forget_lists()
    return [*changed, *back.values()]


def _forget_lists() -> None:
    """Delete what apt knew of the bundle; what it knew of other sources it reads again."""
    for name in os.listdir(_LISTS) if os.path.isdir(_LISTS) else ():
        path = os.path.join(_LISTS, name)
        if os.path.isfile(path) and name != "lock":
            os.unlink(path)
    for name in ("pkgcache.bin", "srcpkgcache.bin"):
        if os.path.exists(f"/var/cache/apt/{name}"):
            os.unlink(f"/var/cache/apt/{name}")


class PackagesFailed(Exception):
    """apt or dpkg could not do what was asked."""


def _apt(*arguments: str) -> str:
    """Run apt-get with the platform's source alone."""
    options = {
        "Dir::Etc::sourcelist": _SOURCE,
        "Dir::Etc::sourceparts": "-",
        "APT::Get::List-Cleanup": "false",
        "APT::Install-Recommends": "false",
        "APT::AutoRemove::RecommendsImportant": "false",
        "APT::AutoRemove::SuggestsImportant": "false",
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
    return done.stdout


def missing(names: list[str]) -> list[str]:
    """Return which packages are not installed and configured; dpkg's own records make it quick."""
    have = _installed(names)
    return [name for name in names if name not in have]


def brought(record: str = _RECORD) -> list[str]:
    """Return the packages that were installed for the platform and are there still, with what they needed."""
    return sorted(_installed(_with_unfinished(Record(record)).content.get("brought", [])))


def names_for(by_release: dict[str, list[str]]) -> list[str]:
    """Return the packages of this host's release."""
    return sorted(set(by_release.get(release(), by_release.get("default", []))))


def install(names: list[str]) -> None:
    """Install packages, with their services left alone, and remember what came with them."""
    record = _with_unfinished(Record(_RECORD))
    record.content["before"] = {"packages": sorted(_listed()), "accounts": _accounts()}
    record.save()
    with _no_services():
        _apt("update", "-o", "APT::Update::Error-Mode=any")
        _apt("install", "--yes", "--no-remove", *names)
    _with_unfinished(record).save()


def give_back(path: str = _RECORD) -> None:
    """Purge the packages that were brought, but for those that others have come to need."""
    record = _with_unfinished(Record(path))
    ours = sorted(_installed(record.content.get("brought", [])))
    if not ours:
        return
    with _no_services():
        subprocess.run(["apt-mark", "auto", *ours], capture_output=True, check=True)
        planned = {line.split()[1] for line in _apt("--simulate", "autoremove", "--purge").splitlines() if " " in line}
        going = [name for name in ours if name in planned]
        if going:
            _stop_units(going)
            _apt("purge", "--yes", *going)
            _apt("clean")
    record.content["brought"] = []
    if len(going) == len(ours):
        _delete_accounts(record.content.get("accounts", []))
        record.content["accounts"] = []
    record.save()


def _stop_units(names: list[str]) -> None:
    """Stop what packages run: while services are held back, their own scripts may not, and what runs on fails."""
    listed = subprocess.run(["dpkg-query", "-L", *names], capture_output=True, text=True, check=False).stdout
    units = sorted({os.path.basename(path) for path in listed.splitlines() if _UNIT.search(path)})
    if units:
        subprocess.run(["systemctl", "stop", *units], capture_output=True, check=False)


def _with_unfinished(record: Record) -> Record:
    """Take what an installation brought into the record; one that was killed in the middle too."""
    before = record.content.pop("before", None)
    if before is not None:
        for kind, now in (("packages", sorted(_listed())), ("accounts", _accounts())):
            name = "brought" if kind == "packages" else kind
            record.content[name] = sorted({*record.content.get(name, []), *(set(now) - set(before[kind]))})
    return record


def _accounts() -> list[str]:
    """Return the host's users and groups."""
    return [f"user {entry.pw_name}" for entry in pwd.getpwall()] + [
        f"group {entry.gr_name}" for entry in grp.getgrall()
    ]


def _delete_accounts(accounts: list[str]) -> None:
    """Delete the accounts that packages made for themselves; a user's own group goes with it."""
    there = _accounts()
    for account in sorted(accounts, reverse=True):
        kind, name = account.split()
        if account in there:
            subprocess.run([f"{kind}del", name], capture_output=True, check=False)


def _is_ours(policy: str) -> bool:
    with open(policy, encoding="utf-8", errors="replace") as stream:
        return stream.read() == _NO_SERVICES


@contextlib.contextmanager
def _no_services() -> Iterator[None]:
    """Keep packages from starting their services, and end what an earlier run that was killed began."""
    # One of a run that was killed is ours, too.
    keep_policy = os.path.exists(_POLICY) and not _is_ours(_POLICY)
    if not keep_policy:
        with open(_POLICY, "w", encoding="utf-8") as stream:
            stream.write(_NO_SERVICES)
        os.chmod(_POLICY, 0o755)
    try:
        subprocess.run(
            ["dpkg", "--configure", "-a", "--force-confdef", "--force-confold"], capture_output=True, check=False
        )
        yield
    finally:
        if not keep_policy:
            os.unlink(_POLICY)
