"""The API's address, seen from the control-plane hosts."""

from __future__ import annotations

from ipaddress import ip_network

from testinfra.host import Host

testinfra_hosts = ["ansible://control_plane?force_ansible=True"]
_ONE_LISTENS = """
import re, socket, subprocess, sys, tempfile, threading

listener = socket.create_server(("127.0.0.1", 0))
closed = [socket.create_server(("127.0.0.1", 0)) for _ in range(9)]
front, *refusing = [taken.getsockname()[1] for taken in closed]
for taken in closed:
    taken.close()

def answer():
    kept = []
    while True:
        kept.append(listener.accept()[0])
        kept[-1].sendall(b"yes")

threading.Thread(target=answer, daemon=True).start()
text = re.sub(r"bind :\\d+", f"bind 127.0.0.1:{front}", sys.argv[1])
text = re.sub(r"(?m)^  stats socket .*$", "", text)
# Of the site's servers, the last listens.
names = sorted(set(re.findall(r"(?m)^  server (\\S+)", text)))
ports = dict(zip(names, [*refusing[: len(names) - 1], listener.getsockname()[1]]))
text = re.sub(r"(?m)^  server (\\S+) \\S+", lambda found: f"  server {found[1]} 127.0.0.1:{ports[found[1]]}", text)
with tempfile.NamedTemporaryFile("w", suffix=".cfg") as settings:
    settings.write(text.rstrip() + "\\n")
    settings.flush()
    haproxy = subprocess.Popen(["haproxy", "-db", "-f", settings.name], stderr=subprocess.PIPE, text=True)
    try:
        for line in haproxy.stderr:
            if "api_that_is_ready" in line and "has no server" in line:
                break
        held = []
        for _ in range(20):
            held.append(socket.create_connection(("127.0.0.1", front), 5))
            held[-1].settimeout(5)
            print("answered" if held[-1].recv(3) == b"yes" else "closed")
    finally:
        haproxy.terminate()
"""


def test_something_answers_at_the_address(host: Host) -> None:
    known = host.ansible.get_variables()
    address = (known["platform_api_address"], known["platform_api_port"])
    program = f"import socket; socket.create_connection({address!r}, 3)"

    assert host.run("python3 -c %s", program).rc == 0


def test_both_keepers_are_well(host: Host) -> None:
    assert host.service("keepalived").is_running
    assert host.service("haproxy").is_running
    assert host.service("keepalived").is_enabled


def test_haproxy_accepts_its_settings(host: Host) -> None:
    checked = host.run("haproxy -c -f /etc/haproxy/haproxy.cfg")

    assert checked.rc == 0, checked.stderr


def test_servers_are_judged_by_what_they_answer_over_tls(host: Host) -> None:
    settings = host.file("/etc/haproxy/haproxy.cfg").content_string

    assert "uri /readyz" in settings
    assert "check-ssl verify required" in settings


def test_while_none_is_ready_the_one_that_listens_is_found(host: Host) -> None:
    """Ask the settings in force, of servers of our own: one listens, keeps its connections, and is not ready."""
    settings = host.file("/etc/haproxy/haproxy.cfg").content_string

    answered = host.run("timeout 60 python3 -c %s %s", _ONE_LISTENS, settings)

    assert answered.rc == 0, answered.stderr
    assert answered.stdout.split() == ["answered"] * 20


def test_only_peers_may_claim_the_address(host: Host) -> None:
    rules = host.check_output("nft list chain inet platform_api_endpoint judge")

    assert rules.rstrip().splitlines()[-3].strip().endswith("drop")


def test_who_holds_an_address_is_asked_of_the_network(host: Host) -> None:
    known = host.ansible.get_variables()
    ask = "/usr/local/lib/platform/who-holds %s %s"
    holders = host.check_output(ask, known["platform_api_address"], known["platform_address"]).split()
    nobodys = str(ip_network(known["platform_host_networks"][0]).broadcast_address - 1)

    assert len(holders) == 1
    assert host.check_output(ask, nobodys, known["platform_address"]) == "nobody"
