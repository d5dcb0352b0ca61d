"""The root file system all hosts of a lab start from, made once per set of inputs."""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
from importlib import resources
from pathlib import Path

from installer.adapters.lab.layout import LabLayout
from installer.adapters.process import CommandFailed, run
from installer.errors import LabUnavailable
from installer.model.events import Notice
from installer.model.lab import Lab
from installer.ports import Reporter

_RECIPE = 4  # raised when this module makes something else from the same inputs
_UNITS = ("lab-host.service", "lab-thaw.service")
# A host's programs may be woken this much later than they asked, many of them at once: of what dozens of idle programs
# cost, half is that each is woken by itself, hundreds of times a second.
_TIMER_SLACK = "[Manager]\nTimerSlackNSec=5ms\n"
_SLICES = ("man", "doc", "locale", "info")


def root_file_system(lab: Lab, layout: LabLayout, reporter: Reporter) -> Path:
    """Return the root file system, making it unless it is kept.

    Raises:
        LabUnavailable: Debian's packages cannot be had.
    """
    target = layout.roots / _inputs(lab)
    complete = target.with_suffix(".complete")
    layout.roots.mkdir(parents=True, exist_ok=True, mode=0o755)
    with target.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if complete.exists():
            return target
        reporter.emit(Notice(f"Making the hosts' root file system: Debian {lab.release}, once."))
        shutil.rmtree(target, ignore_errors=True)
        _bootstrap(lab, target)
        _furnish(target)
        complete.touch()
    return target


def _inputs(lab: Lab) -> str:
    files = [(resources.files("installer.adapters.lab") / "units" / name).read_text() for name in _UNITS]
    facts = json.dumps([_RECIPE, lab.release, sorted(lab.packages), lab.mirror, files])
    return f"{lab.release}-{hashlib.sha256(facts.encode()).hexdigest()[:16]}"


def _bootstrap(lab: Lab, target: Path) -> None:
    excludes = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in _SLICES]
    mirror = [lab.mirror] if lab.mirror else []
    try:
        run(
            ["mmdebstrap", "--quiet", "--variant=minbase", "--mode=root", f"--include={','.join(lab.packages)}",
             "--aptopt=APT::Install-Recommends \"false\"", *excludes, lab.release, str(target), *mirror],
        )  # fmt: skip
    except CommandFailed as error:
        raise LabUnavailable(
            f"The root file system of Debian {lab.release} could not be made.",
            hint="Check this machine's Debian mirror, or set `lab_mirror`.",
            details=error.details,
        ) from error


def _furnish(target: Path) -> None:
    """Take away what differs between hosts, and add what nspawn does not do for a host."""
    for path in (target / "etc/ssh").glob("ssh_host_*"):
        path.unlink()
    (target / "etc/machine-id").write_text("")
    for name in ("var/lib/dbus/machine-id", "etc/resolv.conf", "etc/hostname"):
        (target / name).unlink(missing_ok=True)
    shutil.rmtree(target / "var/lib/apt/lists", ignore_errors=True)
    # A carried disk is the only source of packages; the mirror it was made from is none of a host's.
    for path in [target / "etc/apt/sources.list", *(target / "etc/apt/sources.list.d").glob("*")]:
        path.unlink(missing_ok=True)
    settings = target / "etc/systemd/system.conf.d"
    settings.mkdir(parents=True, exist_ok=True)
    (settings / "lab.conf").write_text(_TIMER_SLACK)
    units = target / "etc/systemd/system"
    for name in _UNITS:
        source = resources.files("installer.adapters.lab") / "units" / name
        (units / name).write_text(source.read_text())
    run(["systemctl", f"--root={target}", "--quiet", "enable", "ssh", *_UNITS])
    run(["systemctl", f"--root={target}", "--quiet", "mask", "systemd-networkd-wait-online.service", "apt-daily.timer",
         "apt-daily-upgrade.timer", "fstrim.timer", "e2scrub_all.timer", "dpkg-db-backup.timer"])  # fmt: skip
