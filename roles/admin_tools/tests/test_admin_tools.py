"""The admin host's tools, run as an operator does."""

from __future__ import annotations

from testinfra.host import Host

testinfra_hosts = ["ansible://admin?force_ansible=True"]


def test_kubectl_runs(host: Host) -> None:
    assert '"gitVersion": "v1.' in host.check_output("kubectl version --client --output=json")


def test_helm_runs(host: Host) -> None:
    assert host.check_output("helm version --short").startswith("v3.")


def test_python_speaks_to_clusters(host: Host) -> None:
    imported = host.run("env PYTHONPATH=/opt/platform/python python3 -c 'import kubernetes, yaml'")

    assert imported.rc == 0, imported.stderr


def test_the_library_is_not_everybodys(host: Host) -> None:
    alone = host.run("python3 -c 'import kubernetes'")

    assert alone.rc != 0, "Programs of the host must not meet our library by chance."
