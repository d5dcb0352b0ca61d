"""Measure how long the API does not answer when a control plane loses power: `python benchmarks/failover.py [--whole]`.

Each host is cut once, the one that holds the address first; `/readyz` is asked every 10 ms from the hosts' network.
The site is a cluster with storage and metrics; with `--whole` it has all components.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.install import installed
from benchmarks.sites import bare_site, wanted
from installer.cli.console import table
from tests.system.site import CONTROL_PLANES, LabSite, eventually

_ADDRESS = "10.77.0.100"
_ASK_SECONDS = 25
# Asks until it is over, and prints the longest time in milliseconds between two answers.
_ASKER = f"""
import ssl, sys, time, urllib.error, urllib.request
context = ssl.create_default_context(cafile=sys.argv[1])
end = time.monotonic() + {_ASK_SECONDS}
answered, longest = time.monotonic(), 0.0
while time.monotonic() < end:
    try:
        with urllib.request.urlopen("https://{_ADDRESS}:8443/readyz", context=context, timeout=0.3) as answer:
            good = answer.status == 200
    except urllib.error.HTTPError as error:
        good = error.code in (401, 403)
    except OSError:
        good = False
    if good:
        now = time.monotonic()
        longest, answered = max(longest, now - answered), now
    time.sleep(0.01)
longest = max(longest, time.monotonic() - answered)
print(round(longest * 1000))
"""


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--whole", action="store_true", help="install all components")
    with bare_site(components=wanted(parser.parse_args().whole)) as site:
        installed(site)
        authority = site.state / "cluster-authority.crt"
        authority.write_text(site.on("cp1", "cat /etc/kubernetes/pki/ca.crt"))
        holder = next(host for host in CONTROL_PLANES if _ADDRESS in site.on(host, "ip -o address"))
        rows = []
        for host in sorted(CONTROL_PLANES, key=lambda name: name != holder):
            held = "yes" if _ADDRESS in site.on(host, "ip -o address") else "no"
            rows.append((host, held, str(blackout(site, host, str(authority)))))
    print(table(("host cut", "held the address", "API blackout, ms"), rows))


def blackout(site: LabSite, host: str, authority: str) -> int:
    """Cut a host's power while the API is asked, wait until it is back, and return the longest silence in ms."""
    inside = [str(site.program), "lab", "exec", "--inventory", str(site.inventory)]
    asker = subprocess.Popen(
        [*inside, sys.executable, "-c", _ASKER, authority], env=site.environment, stdout=subprocess.PIPE, text=True
    )
    site.run("lab", "kill", host)
    silence = int(asker.communicate()[0])
    site.run("lab", "start", host)
    eventually(lambda: site.nodes()[host][0], 120, f"{host} is Ready again")
    return silence


if __name__ == "__main__":
    main()
