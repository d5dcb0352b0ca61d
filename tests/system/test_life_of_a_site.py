"""One site from bare hosts to bare hosts. The tests go in this order: each begins where the one before it ended."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from tests.system import dry_run, examples, gpu_trial, left_behind
from tests.system.alerts import firing
from tests.system.bareness import appearance, differences
from tests.system.objects import Objects
from tests.system.plain_ansible import checked_by_plain_ansible
from tests.system.planted import secrets_of
from tests.system.refusals import is_refused
from tests.system.site import CONTROL_PLANES, HOSTS, Document, LabSite, eventually, only
from tests.system.vault import Vault, is_open, leader
from tests.system.watch import watching

KUBERNETES = "v1.36."


def step_runs(name: str) -> Callable[[Document], bool]:
    return lambda event: event.get("step") == name and event.get("status") == "running"


def step_ended(name: str) -> Callable[[Document], bool]:
    return lambda event: event.get("step") == name and event.get("status") in ("done", "unchanged")


def task_began(step: str, part: str) -> Callable[[Document], bool]:
    return lambda event: (
        event.get("step") == step and event.get("event") == "task_changed" and part in event.get("task", "")
    )


# Moments that hurt: packages half there, a service begun, a cluster half made, a chart half released, nearly done.
MOMENTS = {
    "while packages are installed": step_runs("host_baseline deploy"),
    "when a component was deployed and not verified": step_ended("container_runtime deploy"),
    "while the cluster is made": step_runs("kubernetes deploy"),
    "while the network is released": step_runs("cluster_network deploy"),
    "while the last components are verified": step_runs("local_path_storage verify"),
}


def ready_in(site: LabSite, node: str) -> str:
    """Return the boot in which a node says that it is Ready, or an empty text: none, or nobody answers.

    What the API knows of a node outlives the node's power for a while.
    """
    path = '{.status.conditions[?(@.type=="Ready")].status} {.status.nodeInfo.bootID}'
    ready, _, boot = site.kubectl("get", "node", node, "-o", f"jsonpath={path}", check=False).partition(" ")
    return boot if ready == "True" else ""


@pytest.fixture(scope="session")
def bare_hosts(bare_site: LabSite) -> dict[str, list[str]]:
    return {host: appearance(bare_site, host) for host in HOSTS}


def test_a_dry_run_changes_nothing(bare_site: LabSite, bare_hosts: dict[str, list[str]]) -> None:
    bare_site.run("--dry-run", *only(bare_site.components))

    assert differences(bare_site, bare_hosts) == []


def test_plain_ansible_tells_what_it_would_do_to_bare_hosts(
    bare_site: LabSite, bare_hosts: dict[str, list[str]]
) -> None:
    recap = checked_by_plain_ansible(bare_site)

    assert not [line for line in recap if "changed=0" in line]
    assert differences(bare_site, bare_hosts) == []


@pytest.mark.parametrize("moment", MOMENTS)
def test_an_installation_can_be_killed(bare_site: LabSite, bare_hosts: dict[str, list[str]], moment: str) -> None:
    assert bare_hosts

    killed = bare_site.install_until(MOMENTS[moment])

    assert killed, f"The installation never came to the moment {moment!r}."


def test_it_goes_on_to_a_verified_site(bare_site: LabSite) -> None:
    # What programs were told is searched where there are secrets of a whole site.
    with nullcontext() if bare_site.components else watching(bare_site):
        report = bare_site.install()

    assert report["ok"]
    assert {f"{c['component']} verify" for c in report["plan"]["components"]} <= {
        name for name, result in report["steps"].items() if result["ok"]
    }


def test_every_control_plane_is_ready(bare_site: LabSite) -> None:
    nodes = bare_site.nodes()

    assert set(nodes) == set(CONTROL_PLANES)
    assert all(ready and version.startswith(KUBERNETES) for ready, version in nodes.values()), nodes


def test_a_second_run_changes_nothing(bare_site: LabSite) -> None:
    report = bare_site.install()

    assert {name: result["changed"] for name, result in report["steps"].items() if result["changed"]} == {}
    assert not [name for name in report["steps"] if name.endswith(" deploy")]


def test_plain_ansible_finds_nothing_to_change(bare_site: LabSite) -> None:
    recap = checked_by_plain_ansible(bare_site)

    assert recap
    assert not [line for line in recap if "changed=0" not in line]


@pytest.fixture
def whole_site(bare_site: LabSite) -> LabSite:
    if bare_site.components:
        pytest.skip("A cluster alone has no Vault, no objects and no policies; see --whole.")
    return bare_site


def test_examples_of_the_documents_work_as_written(whole_site: LabSite, tmp_path: Path) -> None:
    examples.prepare(whole_site, tmp_path)

    assert examples.said_to_curl(whole_site, tmp_path) == examples.said_to_openai(whole_site, tmp_path) != ""


def test_a_loss_raises_its_alert_and_the_return_ends_it(whole_site: LabSite) -> None:
    scale = ("-n", "valkey", "scale", "deployment/valkey")
    whole_site.kubectl(*scale, "--replicas=0")
    try:
        eventually(lambda: "LimitsAreLocal" in firing(whole_site), 600, "it is told that limits are local")
    finally:
        whole_site.kubectl(*scale, "--replicas=1")
    # What was told once is told again after five minutes, its end too.
    eventually(lambda: "LimitsAreLocal" not in firing(whole_site), 600, "it is told that they are not any more")


def test_what_the_lab_leaves_out_would_be_taken(
    whole_site: LabSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{whole_site.state / 'bin'}:{os.environ['PATH']}")

    assert dry_run.refusals(whole_site, tmp_path) == {}


def test_no_secret_is_left_behind(whole_site: LabSite) -> None:
    # In JSON the command has said all that there is to say, from the first run on.
    whole_site.run("verify", "--verbose", "--only", "vault,object_storage")
    secrets = secrets_of(whole_site)

    assert left_behind.findings(whole_site, secrets) == []


@contextmanager
def without(site: LabSite, host: str) -> Iterator[None]:
    """Cut a host's power for a while; afterwards it is as it was, without help."""
    boot = ready_in(site, host)
    site.run("lab", "kill", host)
    eventually(lambda: site.kubectl("get", "--raw", "/readyz", check=False) == "ok", 30, "the API answers")
    yield
    site.run("lab", "start", host)
    eventually(lambda: ready_in(site, host) not in ("", boot), 120, f"{host} is Ready again")


@pytest.fixture(scope="session")
def leader_first(bare_site: LabSite) -> list[str]:
    """Return the control planes, the one that leads the Vault first."""
    led = "" if bare_site.components else leader(bare_site)
    assert led or bare_site.components
    return sorted(CONTROL_PLANES, key=lambda host: host != led)


@pytest.mark.parametrize("turn", range(len(CONTROL_PLANES)))
def test_everything_answers_when_a_control_plane_loses_power(
    bare_site: LabSite, leader_first: list[str], turn: int
) -> None:
    host = leader_first[turn]
    if bare_site.components:
        with without(bare_site, host):
            pass
        return
    objects, vault = Objects(bare_site), Vault(bare_site)
    stored, kept = objects.put(f"before-{host}"), vault.read()
    assert kept
    # The host that was away before has just come back.
    eventually(lambda: is_refused(bare_site), 60, "Gatekeeper refuses a bad pod")
    with without(bare_site, host):
        # The last word of the host that is gone, and new ones.
        eventually(lambda: objects.read(f"before-{host}") == stored, 60, "what was stored is read")
        assert objects.put(f"without-{host}") == objects.read(f"without-{host}")
        eventually(lambda: vault.read() == kept, 60, "a server of the Vault leads, and a secret is read")
        eventually(lambda: is_refused(bare_site), 120, "Gatekeeper refuses a bad pod")
    eventually(lambda: is_open(bare_site, host), 120, f"the Vault of {host} is open again")
    eventually(lambda: is_refused(bare_site), 120, "Gatekeeper answers as before")


def test_the_cluster_comes_back_by_itself_when_every_control_plane_lost_its_power(bare_site: LabSite) -> None:
    before = {"", *(ready_in(bare_site, host) for host in CONTROL_PLANES)}
    for action in ("kill", "start"):
        for host in CONTROL_PLANES:
            bare_site.run("lab", action, host)

    def came_back() -> bool:
        return before.isdisjoint(ready_in(bare_site, host) for host in CONTROL_PLANES)

    eventually(came_back, 300, "every node is Ready again")
    # What nobody judges is refused.
    new = ("create", "namespace", "judged", "--dry-run=server")
    eventually(lambda: "created" in bare_site.kubectl(*new, check=False), 120, "somebody judges what is new")


def test_the_site_verifies_after_the_power_cuts(bare_site: LabSite) -> None:
    report = bare_site.install()

    assert report["ok"]


def test_a_broken_unit_fails_verification_and_is_named(bare_site: LabSite) -> None:
    bare_site.on("cp2", "systemctl stop haproxy")
    try:
        done = bare_site.run("verify", "--only", "api_endpoint", check=False)
    finally:
        bare_site.on("cp2", "systemctl start haproxy")

    assert done.returncode == 6
    assert "cp2" in done.stderr


def test_gpus_are_given_out_within_quotas_and_by_priority(bare_site: LabSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{bare_site.state / 'bin'}:{os.environ['PATH']}")
    with gpu_trial.devices(bare_site) as cluster:
        assert gpu_trial.probe(cluster) is False
        for name in ("batch1", "batch2"):
            gpu_trial.start(cluster, name, "gpu-batch")
        eventually(lambda: len(gpu_trial.running(cluster)) == 2, 120, "every device is in use")

        gpu_trial.start(cluster, "standard", "gpu-standard")
        gpu_trial.start(cluster, "production", "gpu-production")

        eventually(lambda: "production" in gpu_trial.running(cluster), 120, "production takes a device from batch")
        assert "standard" not in gpu_trial.running(cluster)
        assert gpu_trial.probe(cluster) is True, "With every device in use, whoever verifies is told so."


def test_nothing_left_the_lab(bare_site: LabSite) -> None:
    assert bare_site.left_the_lab() == (0, [])


def test_reset_leaves_the_hosts_as_bare_as_they_were(bare_site: LabSite, bare_hosts: dict[str, list[str]]) -> None:
    bare_site.run("reset")

    assert differences(bare_site, bare_hosts) == []


def test_a_second_reset_changes_nothing(bare_site: LabSite) -> None:
    done = bare_site.run("reset")

    assert done.stdout.rstrip().endswith(", 0 changed")
