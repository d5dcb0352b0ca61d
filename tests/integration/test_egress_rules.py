"""The egress guard's rules, in a real kernel: what a host sends while the network of its pods is not back yet."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from os import geteuid, getpid
from pathlib import Path

import jinja2
import pytest

from installer.adapters.lab import network
from installer.adapters.lab.layout import HostLayout, LabLayout
from tests.repository import PROJECT

HOSTS, PODS, SERVICES = IPv4Network("10.214.0.0/24"), "10.244.0.0/16", "10.96.0.0/16"
GUARDED, OTHER, REMOTE_POD = IPv4Address("10.214.0.11"), IPv4Address("10.214.0.12"), IPv4Address("10.244.3.7")
NEEDED = ("ip", "nft", "nsenter")
GIVEN = {
    "__egress_guard_networks": [str(HOSTS), PODS], "__egress_guard_inner": [SERVICES, PODS],
    "platform_service_network": SERVICES, "platform_egress_allowed": [], "egress_guard_log_rate": 6,
}  # fmt: skip
# One acknowledgement in the middle of a connection, from an address that the sender does not have.
SENDS = """
import socket, struct
source, target = (socket.inet_aton(address) for address in ("{source}", "{target}"))
part = struct.pack(">HHIIBBHHH", 443, 40000, 1, 1, 5 << 4, 0x10, 1024, 0, 0)
whole = source + target + struct.pack(">BBH", 0, 6, len(part)) + part
total = sum(struct.unpack(f">{{len(whole) // 2}}H", whole))
total = (total & 0xFFFF) + (total >> 16)
part = part[:16] + struct.pack(">H", ~(total + (total >> 16)) & 0xFFFF) + part[18:]
header = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(part), 0, 0, 64, 6, 0, source, target)
socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW).sendto(header + part, ("{target}", 0))
"""

pytestmark = pytest.mark.skipif(
    geteuid() != 0 or any(shutil.which(name) is None for name in NEEDED),
    reason=f"network namespaces need root and {', '.join(NEEDED)}",
)


def rules() -> str:
    """Return the rules as the role writes them."""
    environment = jinja2.Environment(trim_blocks=True, undefined=jinja2.StrictUndefined, autoescape=False)
    environment.tests["search"] = lambda value, pattern: re.search(pattern, value) is not None
    return environment.from_string((PROJECT / "roles/egress_guard/templates/egress.nft.j2").read_text()).render(GIVEN)


def inside(host: HostLayout, *command: str, stdin: str | None = None) -> None:
    subprocess.run(["nsenter", f"--net=/run/netns/{host.namespace}", *command], input=stdin, text=True, check=True)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[LabLayout]:
    """Return a network of two hosts, of which nothing is left afterwards."""
    layout = LabLayout(f"test{getpid()}", tmp_path)
    network.create_bridge(layout, HOSTS, next(HOSTS.hosts()))
    for name, address in (("guarded", GUARDED), ("other", OTHER)):
        network.connect(layout.host(name), address, HOSTS, next(HOSTS.hosts()))
    yield layout
    for name in ("guarded", "other"):
        network.disconnect(layout.host(name))
    network.remove_namespace(layout.namespace)


def a_remote_pod_goes_on(lab: LabLayout) -> None:
    """Have a pod elsewhere go on with a connection that the guarded host lost with its power."""
    inside(lab.host("other"), "python3", "-c", SENDS.format(source=REMOTE_POD, target=GUARDED))


def test_without_the_guard_the_answer_leaves(lab: LabLayout) -> None:
    a_remote_pod_goes_on(lab)

    assert network.sent_outside(lab.namespace, "bridge") == (1, (f"{GUARDED} > {REMOTE_POD} tcp 443",))


def test_an_answer_to_a_pod_does_not_leave_before_the_network_of_pods_is_back(lab: LabLayout) -> None:
    inside(lab.host("guarded"), "nft", "--file", "-", stdin=rules())

    a_remote_pod_goes_on(lab)

    assert network.sent_outside(lab.namespace, "bridge") == (0, ())
