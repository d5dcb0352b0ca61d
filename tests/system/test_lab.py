"""The lab comes up, goes down and leaves nothing, also when it is killed half way."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.system.site import LabSite, eventually, kill_tree, lab_inventory

LAB = "labtest"
HOSTS = ("admin1", "cp1")
FOLDER = Path("/var/lib/platform-lab") / LAB


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[LabSite]:
    """Return a lab of two hosts, which is off; nothing of it stays."""
    site = LabSite(LAB, lab_inventory(tmp_path, "control_plane", {"cp1": "10.77.0.11"}))
    site.forget()
    yield site
    site.forget()


def leftovers() -> list[str]:
    """Return every process, mount, namespace, control group and firewall rule that bears the lab's name."""
    found = [
        f"mount {line.split()[1]}" for line in Path("/proc/mounts").read_text().splitlines() if f"{FOLDER}/" in line
    ]
    found += [f"namespace {path.name}" for path in Path("/run/netns").glob(f"plab-{LAB}*")]
    found += [f"group {path}" for path in Path("/sys/fs/cgroup").glob(f"*/**/platform-lab-{LAB}-*")]
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and process.name != str(os.getpid()):
            try:
                told = (process / "cmdline").read_bytes().decode(errors="replace") + (process / "cgroup").read_text()
            except OSError:
                continue
            if f"{FOLDER}/" in told or f"platform-lab-{LAB}-" in told:
                found.append(f"process {process.name} {told[:80]!r}")
    # Without the older program for them, this machine has no rules but nft's.
    older = [["iptables-save"]] if shutil.which("iptables-save") else []
    for command in (*older, ["nft", "list", "ruleset"], ["ip", "-o", "link"]):
        listing = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        found += [line for line in listing.splitlines() if LAB in line]
    return found


def assert_nothing_is_left() -> None:
    """Give the machine's first process the moment it takes to reap what has ended."""
    eventually(lambda: leftovers() == [], 30, f"nothing of the lab is left: {leftovers()}")


def test_nothing_is_left_after_down(lab: LabSite) -> None:
    lab.run("lab", "up")
    assert leftovers()

    lab.run("lab", "down", "--wipe")

    assert_nothing_is_left()
    assert not FOLDER.exists()


def test_up_is_idempotent_and_starts_what_lost_power(lab: LabSite) -> None:
    lab.run("lab", "up")
    before = {
        host: lab.on(host, "cat /proc/sys/kernel/random/boot_id /etc/machine-id; stat -c %Y /proc/1") for host in HOSTS
    }
    lab.run("lab", "kill", "cp1")

    lab.run("lab", "up")

    after = {
        host: lab.on(host, "cat /proc/sys/kernel/random/boot_id /etc/machine-id; stat -c %Y /proc/1") for host in HOSTS
    }
    assert [host for host in HOSTS if before[host] != after[host]] == ["cp1"]


def test_a_disk_outlives_a_power_cut(lab: LabSite) -> None:
    lab.run("lab", "up")
    lab.on("cp1", "echo kept > /var/lib/etcd/token; echo kept > /etc/token; sync")

    lab.run("lab", "kill", "cp1")
    lab.run("lab", "start", "cp1")

    assert lab.on("cp1", "cat /var/lib/etcd/token /etc/token").split() == ["kept", "kept"]


def test_what_leaves_is_stopped_and_counted(lab: LabSite) -> None:
    lab.run("lab", "up")
    assert lab.left_the_lab() == (0, [])

    lab.on("cp1", "timeout 2 bash -c '</dev/tcp/192.0.2.1/443'", check=False)

    count, offenders = lab.left_the_lab()
    assert count > 0
    assert [entry.partition(" > ")[2] for entry in offenders] == ["192.0.2.1 tcp 443"]
    assert offenders[0] in lab.run("lab", "status").stdout


MOMENTS: dict[str, Callable[[], bool]] = {
    "when the bridge is there": lambda: Path(f"/run/netns/plab-{LAB}").exists(),
    "when a disk is mounted": lambda: f"{FOLDER}/hosts" in Path("/proc/mounts").read_text(),
    "when a control group is there": lambda: any(Path("/sys/fs/cgroup").glob(f"*/**/platform-lab-{LAB}-*")),
    "when a host runs": lambda: any(FOLDER.glob("hosts/*/leader")),
}


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("follower", ["up", "down"])
def test_a_killed_up_can_be_followed(lab: LabSite, moment: str, follower: str) -> None:
    command = [str(lab.program), "lab", "up", "--inventory", str(lab.inventory)]
    process = subprocess.Popen(command, env=lab.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and not MOMENTS[moment]():
        time.sleep(0.005)
    kill_tree(process.pid)
    process.wait()

    lab.run("lab", follower)

    if follower == "up":
        assert [lab.on(host, "hostname").strip() for host in HOSTS] == list(HOSTS)
    lab.run("lab", "down", "--wipe")
    assert_nothing_is_left()


def test_a_killed_down_can_be_repeated(lab: LabSite) -> None:
    lab.run("lab", "up")
    command = [str(lab.program), "lab", "down", "--inventory", str(lab.inventory)]
    process = subprocess.Popen(command, env=lab.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and len(list(Path("/run/netns").glob(f"plab-{LAB}*"))) == len(HOSTS) + 1:
        time.sleep(0.005)
    kill_tree(process.pid)
    process.wait()

    lab.run("lab", "down", "--wipe")

    assert_nothing_is_left()
    assert not FOLDER.exists()
