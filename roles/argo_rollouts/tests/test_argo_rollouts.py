"""What moves releases on, asked as an operator does."""

from __future__ import annotations

import json

import pytest
from testinfra.host import Host

testinfra_hosts = ["ansible://admin?force_ansible=True"]
KUBECTL = "kubectl --kubeconfig /etc/platform/kubeconfig --request-timeout=30s "
ACCOUNT = "--as=system:serviceaccount:argo-rollouts:argo-rollouts"


def test_one_copy_works_and_is_one_that_runs(host: Host) -> None:
    lease = KUBECTL + "-n argo-rollouts get lease argo-rollouts-controller-lock -o jsonpath={.spec.holderIdentity}"
    names = host.check_output(KUBECTL + "-n argo-rollouts get pods -o jsonpath={.items[*].metadata.name}").split()

    assert host.check_output(lease).partition("_")[0] in names


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("list secrets -n kube-system", "no"),
        ("list secrets -n argo-rollouts", "yes"),
        ("create deployments.apps -n default", "no"),
        ("update traefikservices.traefik.io -n default", "yes"),
    ],
)
def test_it_may_do_what_it_needs_and_no_more(host: Host, asked: str, said: str) -> None:
    # A kind that nobody registered is answered with a warning beside.
    assert host.run(f"{KUBECTL} auth can-i {asked} {ACCOUNT}").stdout.strip() == said


def test_people_may_roll_out_where_they_may_deploy(host: Host) -> None:
    rules = json.loads(host.check_output(KUBECTL + "get clusterrole edit -o json"))["rules"]

    assert any("rollouts" in rule.get("resources", ()) and "create" in rule["verbs"] for rule in rules)


def test_copies_can_change_nothing_of_their_own(host: Host) -> None:
    spec = json.loads(host.check_output(KUBECTL + "-n argo-rollouts get deployment argo-rollouts -o json"))["spec"]

    pod = spec["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert [entry["securityContext"]["readOnlyRootFilesystem"] for entry in pod["containers"]] == [True]


def test_releases_are_looked_at_whose_time_has_come(host: Host) -> None:
    timer, look = "platform-scheduled-releases.timer", "systemctl start platform-scheduled-releases.service"

    assert host.service(timer).is_running
    assert host.service(timer).is_enabled
    assert host.run(look).rc == 0
