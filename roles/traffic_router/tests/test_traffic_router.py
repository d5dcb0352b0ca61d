"""The one door from outside, knocked at as a user does."""

from __future__ import annotations

import json
import shlex

import pytest
from testinfra.host import Host

testinfra_hosts = ["ansible://admin?force_ansible=True"]
KUBECTL = "kubectl --kubeconfig /etc/platform/kubeconfig --request-timeout=30s -n traffic-router "
# A bare host has Python and no curl.
ASK = """
import http.client, socket, ssl
known = ssl.create_default_context(cafile="/etc/platform/ca.crt")
connection = http.client.HTTPConnection("{name}")
connection.sock = known.wrap_socket(socket.create_connection(("{address}", 443), 10), server_hostname="{name}")
connection.request("GET", "/nobody-is-here")
print(connection.sock.version(), connection.getresponse().status)
"""
KNOCK = """
import socket
try:
    socket.create_connection(("{address}", {port}), 3)
    print("open")
except OSError:
    print("closed")
"""


def on(host: Host, program: str, **values: object) -> str:
    address = host.check_output(KUBECTL + "get service traefik -o jsonpath={.status.loadBalancer.ingress[0].ip}")
    return str(host.check_output("python3 -c " + shlex.quote(program.format(address=address, **values))))


def test_it_is_known_by_the_platforms_authority_and_serves_nothing_unasked(host: Host) -> None:
    name = host.check_output(KUBECTL + "get certificate traefik-tls -o jsonpath={.spec.dnsNames[0]}")

    assert on(host, ASK, name=name) == "TLSv1.3 404"


@pytest.mark.parametrize(("port", "said"), [(443, "open"), (80, "closed"), (8080, "closed"), (8082, "closed")])
def test_one_port_alone_is_open_outside(host: Host, port: int, said: str) -> None:
    assert on(host, KNOCK, port=port) == said


def test_copies_are_apart_and_can_change_nothing_of_their_own(host: Host) -> None:
    pods = json.loads(host.check_output(KUBECTL + "get pods -l app.kubernetes.io/name=traefik -o json"))["items"]
    nodes = json.loads(host.check_output(KUBECTL + "get nodes -o json"))["items"]

    assert len({pod["spec"]["nodeName"] for pod in pods}) == min(len(pods), len(nodes))
    assert {c["securityContext"]["readOnlyRootFilesystem"] for p in pods for c in p["spec"]["containers"]} == {True}


@pytest.mark.parametrize(("namespace", "said"), [("kube-system", "no"), ("traffic-router-probe", "yes")])
def test_it_reads_secrets_where_it_routes_and_nowhere_else(host: Host, namespace: str, said: str) -> None:
    kubectl = f"kubectl --kubeconfig /etc/platform/kubeconfig -n {namespace} "

    asked = host.run(kubectl + "auth can-i list secrets --as=system:serviceaccount:traffic-router:traefik")

    assert asked.stdout.strip() == said
