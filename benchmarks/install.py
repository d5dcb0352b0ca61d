"""Time an installation against a straight shell script: `python benchmarks/install.py [--rounds 1]`.

Both begin with three bare control-plane hosts and an admin host, with the bundle and the hosts' disks there.
Ours ends when every component is verified by use; the script's, when every workload it released says it is ready.
The script makes a cluster with storage and metrics, so that is what ours is held against; what else the inventory asks
for is held against that, once without what measures and serves models, and once with everything. `--without-script`
leaves the script out.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.sites import bare_site, seconds
from installer.cli.console import table
from tests.system.site import Document, LabSite, of_a_cluster, of_a_safe_cluster, only

Found = TypeVar("Found")

_SCRIPT = Path(__file__).resolve().parent / "bare" / "install.sh"
_ADMIN, _ADDRESS, _HOSTS = "10.77.0.5", "10.77.0.100", ("10.77.0.11", "10.77.0.12", "10.77.0.13")


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--without-script", action="store_true")
    given = parser.parse_args()

    def quickest(install: Callable[[], tuple[float, Found]]) -> tuple[float, Found]:
        return min((install() for _ in range(given.rounds)), key=lambda entry: entry[0])

    ours = {
        "cluster, storage, metrics": quickest(lambda: by_us(*only(of_a_cluster()))),
        "and Vault, S3, certificates, policies, backups": quickest(lambda: by_us(*only(of_a_safe_cluster()))),
        "everything": quickest(by_us),
    }
    cluster = next(iter(ours.values()))[0]
    if not given.without_script:
        script, told = quickest(by_script)
        print(table(("three control planes, from bare hosts", "s", "against the script"), [
            ("shell script, ready", f"{script:.1f}", ""),
            ("platform-install, the same, verified", f"{cluster:.1f}", f"{cluster / script:.2f}"),
        ]))  # fmt: skip
        print(f"\nWhere the script's time went, s since its beginning\n{told}")
    print(table(("platform-install", "components", "s", "against the cluster"), [
        (what, str(len(report["steps"]) // 2), f"{took:.1f}", f"{took / cluster:.2f}")
        for what, (took, report) in ours.items()
    ]))  # fmt: skip
    for what, (_, report) in ours.items():
        print(f"\nWhere the time went: {what}\n{where(report)}")


def by_script() -> tuple[float, str]:
    """Return the seconds the script takes, and what it said of them."""
    with bare_site(lab="bare") as site:
        folder = Path("/var/lib/platform-lab") / site.lab
        command = [
            str(_SCRIPT),
            str(folder / "ssh"),
            str(folder / "keys" / "id_ed25519"),
            str(folder / "media" / "bundle"),
        ]
        told: list[str] = []

        def run() -> None:
            done = subprocess.run([*command, _ADMIN, _ADDRESS, *_HOSTS], capture_output=True, text=True, check=False)
            if done.returncode:
                raise SystemExit(f"The script ended with {done.returncode}:\n{done.stdout}{done.stderr}")
            told.append(done.stdout)

        return seconds(run), told[0]


def by_us(*arguments: str) -> tuple[float, Document]:
    """Return the seconds an installation takes, and its report."""
    with bare_site() as site:
        return installed(site, *arguments)


def installed(site: LabSite, *arguments: str) -> tuple[float, Document]:
    """Return the seconds an installation takes, and its report."""
    reports: list[Document] = []
    return seconds(lambda: reports.append(site.install(*arguments))), reports[0]


def where(report: Document) -> str:
    """Return each step with when it ended, how long it took, and its slowest task."""
    rows = []
    for name, result in sorted(report["steps"].items(), key=lambda entry: entry[1]["ended"]):
        slowest = result["slowest"][0] if result["slowest"] else {"task": "", "seconds": 0.0}
        rows.append(
            (name, f"{result['ended'] - result['seconds']:.1f}", f"{result['seconds']:.1f}",
             f"{slowest['seconds']:.1f}", slowest["task"])
        )  # fmt: skip
    return table(("step", "began", "took", "of which", "task"), rows)


if __name__ == "__main__":
    main()
