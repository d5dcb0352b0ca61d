"""The pods' network, used through the probe."""

from __future__ import annotations

import json

from testinfra.host import Host

testinfra_hosts = ["ansible://admin?force_ansible=True"]
KUBECTL = "kubectl --kubeconfig /etc/platform/kubeconfig --request-timeout=10s "
PROBE = KUBECTL + "-n platform-probe "


def test_every_node_is_ready(host: Host) -> None:
    nodes = json.loads(host.check_output(KUBECTL + "get nodes -o json"))["items"]

    conditions = [c["status"] for node in nodes for c in node["status"]["conditions"] if c["type"] == "Ready"]

    assert set(conditions) == {"True"}


def test_services_need_no_kube_proxy(host: Host) -> None:
    daemons = host.check_output(KUBECTL + "-n kube-system get daemonsets -o name").splitlines()

    assert daemons == ["daemonset.apps/cilium"]


def test_pods_find_services_by_name(host: Host) -> None:
    pod = host.check_output(PROBE + "get pods -l app=probe -o name").splitlines()[0]

    name = "probe.platform-probe.svc.cluster.local:80"
    reached = host.run(PROBE + f"exec {pod} -c port8080 -- /agnhost connect {name} --timeout=3s")

    assert reached.rc == 0, reached.stderr


def test_names_outside_are_answered_and_unknown(host: Host) -> None:
    pod = host.check_output(PROBE + "get pods -l app=probe -o name").splitlines()[0]

    reached = host.run(PROBE + f"exec {pod} -c port8080 -- /agnhost connect example.com:443 --timeout=3s")

    assert reached.rc != 0
    assert "DNS" in reached.stdout + reached.stderr


def test_what_no_rule_allows_is_refused(host: Host) -> None:
    pod = host.check_output(PROBE + "get pods -l app=probe -o name").splitlines()[0]
    path = "{.items[0].status.podIP}"
    dns = host.check_output(KUBECTL + f"-n kube-system get pods -l k8s-app=kube-dns -o jsonpath='{path}'")

    allowed = host.run(PROBE + f"exec {pod} -c port8080 -- /agnhost connect {dns}:53 --timeout=2s")
    forbidden = host.run(PROBE + f"exec {pod} -c port8080 -- /agnhost connect {dns}:9153 --timeout=2s")

    assert allowed.rc == 0, allowed.stderr
    assert forbidden.rc != 0


def test_a_load_balancer_address_answers_from_outside(host: Host) -> None:
    path = "{.status.loadBalancer.ingress[0].ip}"
    address = host.check_output(PROBE + f"get service probe -o jsonpath='{path}'")
    program = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())"

    answer = host.check_output("python3 -c %s %s", program, f"http://{address}/hostname")

    assert answer.startswith("probe-")
