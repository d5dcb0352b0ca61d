"""What scales models, asked as an operator does."""

from __future__ import annotations

import json

import pytest
from testinfra.host import Host

testinfra_hosts = ["ansible://admin?force_ansible=True"]
KUBECTL = "kubectl --kubeconfig /etc/platform/kubeconfig --request-timeout=30s "
ACCOUNTS = "--as=system:serviceaccount:keda:"
AUTOSCALER = "--as=system:serviceaccount:kube-system:horizontal-pod-autoscaler"


def test_the_api_servers_know_who_answers_them(host: Host) -> None:
    service = KUBECTL + "get apiservice v1beta1.external.metrics.k8s.io -o json"

    found = json.loads(host.check_output(service))

    available = [entry["status"] for entry in found["status"]["conditions"] if entry["type"] == "Available"]
    assert available == ["True"]
    assert found["spec"]["caBundle"]
    assert not found["spec"].get("insecureSkipTLSVerify")


def test_one_copy_works_and_is_one_that_runs(host: Host) -> None:
    lease = KUBECTL + "-n keda get lease operator.keda.sh -o jsonpath={.spec.holderIdentity}"
    names = host.check_output(KUBECTL + "-n keda get pods -o jsonpath={.items[*].metadata.name}").split()

    assert host.check_output(lease).partition("_")[0] in names


@pytest.mark.parametrize(
    ("asked", "who", "said"),
    [
        ("list secrets -n kube-system", ACCOUNTS + "keda-operator", "no"),
        ("delete pods -n default", ACCOUNTS + "keda-operator", "no"),
        ("create horizontalpodautoscalers.autoscaling -n default", ACCOUNTS + "keda-operator", "yes"),
        ("update rollouts.argoproj.io --subresource=scale -n default", ACCOUNTS + "keda-operator", "yes"),
        ("update rollouts.argoproj.io -n default", ACCOUNTS + "keda-operator", "no"),
        ("list secrets -n keda", ACCOUNTS + "keda-metrics-apiserver", "no"),
        ("list waiting.external.metrics.k8s.io -n default", AUTOSCALER, "yes"),
    ],
)
def test_each_may_do_what_it_needs_and_no_more(host: Host, asked: str, who: str, said: str) -> None:
    # A kind that nobody registered is answered with a warning beside.
    assert host.run(f"{KUBECTL} auth can-i {asked} {who}").stdout.strip() == said


@pytest.mark.parametrize("name", ["keda-operator", "keda-metrics-apiserver"])
def test_copies_can_change_nothing_of_their_own(host: Host, name: str) -> None:
    spec = json.loads(host.check_output(KUBECTL + f"-n keda get deployment {name} -o json"))["spec"]

    pod = spec["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert [entry["securityContext"]["readOnlyRootFilesystem"] for entry in pod["containers"]] == [True]
