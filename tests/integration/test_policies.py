"""Every policy does to its cases what its suite says: gator tries them, as Gatekeeper would."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml
from ansible_collections.platform.base.plugins.module_utils.policy_review import review

from installer.adapters.lock_files import read_lock
from tests.bundled import program
from tests.integration.test_workloads_keep_policies import policies_in_force
from tests.repository import PROJECT
from tests.unit.roles.policy_cluster import serving

FOLDER = PROJECT / "roles/gatekeeper/files/policies"
# Of which the cluster below has none, at first.
KINDS = (
    *(("v1", kind) for kind in ("Pod", "ResourceQuota", "Service")),
    *(("apps/v1", kind) for kind in ("DaemonSet", "Deployment", "StatefulSet")),
    *(("batch/v1", kind) for kind in ("CronJob", "Job")),
    *(("rbac.authorization.k8s.io/v1", kind) for kind in ("ClusterRole", "Role")),
    ("networking.k8s.io/v1", "Ingress"), ("policy/v1", "PodDisruptionBudget"),
    ("syncset.gatekeeper.sh/v1alpha1", "SyncSet"),
)  # fmt: skip
POLICIES = sorted(path.name for path in FOLDER.iterdir())


@pytest.fixture(scope="module")
def gator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the bundle's gator."""
    lock = read_lock(PROJECT / "inventories/lab/bundle.lock.json")
    assert lock is not None
    return program(lock, "gator", tmp_path_factory.mktemp("programs"))


@pytest.mark.parametrize("policy", POLICIES)
def test_cases_are_judged_as_the_suite_says(policy: str, gator: Path) -> None:
    command = [str(gator), "verify", str(FOLDER / policy / "suite.yml")]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "PASS" in done.stdout


def test_what_a_cluster_has_is_judged_by_the_policies_it_has(gator: Path, tmp_path: Path) -> None:
    policies = list(yaml.safe_load_all(policies_in_force()))
    constraints = [entry for entry in policies if entry["apiVersion"].startswith("constraints.gatekeeper.sh/")]
    room = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "vault"}}
    container = {"name": "main", "image": "example.com/careless", "securityContext": {"privileged": True}}
    careless = {"metadata": {"name": "careless", "namespace": "vault"}, "spec": {"containers": [container]}}
    with serving(tmp_path / "api") as cluster:
        cluster.hold([entry for entry in policies if entry not in constraints] + [room], *KINDS)
        assert review(cluster.api, constraints, str(gator)) == []

        cluster.answers["/api/v1/pods"] = {"items": [careless]}
        found = review(cluster.api, constraints, str(gator))

    assert {"privileged", "known-registries", "seccomp"} <= {violation.constraint for violation in found}
    assert all("Pod vault/careless: " in str(violation) for violation in found)
