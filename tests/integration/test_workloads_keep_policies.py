"""What charts and manifests of the platform would run keeps the platform's own policies, or is exempt by name.

The lab's verification asks the same of what runs; here it is known before anything does.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.platform.base.plugins.filter.policies import exemptions, named

from installer.adapters.lock_files import read_lock
from installer.model.artifact import Kind, Lock
from tests.bundled import blob, program
from tests.deploying import deployed
from tests.rendering import charts, printout, prints, releases, render, runs_in, workloads
from tests.repository import PROJECT, ROLES, read
from tests.unit.roles.gpu_models import BUNDLED, MODELS

POLICIES = PROJECT / "roles/gatekeeper/files/policies"
WITH_WORKLOADS = [role for role in ROLES if runs_in(role, "lab") and (releases(role) or workloads(role))]
COMPONENTS = {role: read(PROJECT / "roles" / role / "component.yml") for role in ROLES}


@pytest.fixture(scope="module")
def lock() -> Lock:
    """Return the lab's lock."""
    found = read_lock(PROJECT / "inventories/lab/bundle.lock.json")
    assert found is not None
    return found


@pytest.fixture(scope="module")
def programs(lock: Lock, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the bundle's gator and Helm."""
    folder = tmp_path_factory.mktemp("programs")
    for name in ("gator", "helm"):
        program(lock, name, folder)
    return folder


@pytest.fixture(scope="module")
def policies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with every policy in force everywhere, and with what is exempt from it."""
    path = tmp_path_factory.mktemp("policies") / "policies.yaml"
    path.write_text(policies_in_force())
    return path


def policies_in_force() -> str:
    """Return every policy as it is in force everywhere, with what is exempt from it."""
    files = {path.relative_to(POLICIES).as_posix(): path.read_text() for path in POLICIES.glob("*/*.yml")}
    exempt = exemptions(COMPONENTS)
    known = {"known_registries": {"registries": sorted({image.partition("/")[0] for image in images()})}}
    documents = [*named(files, "template.yml").values()]
    for name, constraint in named(files, "constraint.yml").items():
        parameters = {**constraint["spec"].get("parameters", {}), **known.get(name, {}), "exempt": exempt.get(name, [])}
        documents.append({**constraint, "spec": {**constraint["spec"], "parameters": parameters}})
    expansions = read(PROJECT / "roles/gatekeeper/vars/main.yml")["__gatekeeper_expansions"]
    documents += [{**entry, "spec": {**entry["spec"], "enforcementAction": ""}} for entry in expansions]
    return yaml.safe_dump_all(documents)


def images() -> list[str]:
    """Return the names of every component's images."""
    return [image["name"] for entry in COMPONENTS.values() for image in entry.get("artifacts", {}).get("images", [])]


def applied(role: str, lock: Lock, helm: Path, folder: Path) -> list[dict[str, Any]]:
    """Return the objects that a role's charts and templates make."""
    rendered = render(role, "lab", folder)
    documents = [document for text in rendered["workloads"].values() for document in yaml.safe_load_all(text)]
    documents += pods_of_rollouts(documents)
    if prints(role):
        return documents + printout(program(lock, prints(role), folder), rendered["printed"], folder)
    for release, chart in zip(rendered["releases"], charts(role), strict=True):
        values = folder / f"{chart['name']}.json"
        values.write_text(json.dumps(release["helm_release_values"]))
        command = [str(helm), "template", release["helm_release_name"], str(blob(lock, Kind.CHART, chart["name"]))]
        command += ["--namespace", release["helm_release_namespace"], "--values", str(values)]
        kubernetes = lock.find(Kind.FILE, "kubeadm")
        assert kubernetes is not None
        command += ["--kube-version", kubernetes.version, "--api-versions", "policy/v1/PodDisruptionBudget"]
        environment = {"HOME": str(folder), "PATH": "/usr/bin:/bin"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        documents += list(yaml.safe_load_all(done.stdout))
    return [document for document in documents if document]


def pods_of_rollouts(documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the pods that rollouts would make, which Gatekeeper expands no rollout into."""
    rollouts = [document for document in documents if document and document["kind"] == "Rollout"]
    return [pod_of(item["metadata"], item["spec"]["template"]) for item in rollouts]


def pod_of(owner: dict[str, Any], template: dict[str, Any]) -> dict[str, Any]:
    """Return a pod of a template, named after who owns it."""
    metadata = {**template["metadata"], "name": f"{owner['name']}-0", "namespace": owner["namespace"]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def violations(gator: Path, policies: Path, documents: list[dict[str, Any]], folder: Path) -> list[str]:
    """Return what gator finds in documents."""
    path = folder / "documents.yaml"
    path.write_text(yaml.safe_dump_all(documents))
    command = [str(gator), "test", f"--filename={path}", f"--filename={policies}", "--output=json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not done.stderr, done.stderr
    return [
        f"{entry['violatingObject']['kind']} {entry['violatingObject']['metadata']['name']}: {entry['msg']}"
        for entry in json.loads(done.stdout or "[]") or []
    ]


@pytest.mark.parametrize("role", WITH_WORKLOADS)
def test_what_a_role_runs_keeps_the_policies(
    role: str, lock: Lock, programs: Path, policies: Path, tmp_path: Path
) -> None:
    documents = applied(role, lock, programs / "helm", tmp_path)

    assert documents
    assert violations(programs / "gator", policies, documents, tmp_path) == []


def test_models_on_gpus_keep_the_policies(programs: Path, policies: Path, tmp_path: Path) -> None:
    objects = deployed("vllm", tmp_path, images=[BUNDLED], vllm_models=MODELS).objects
    documents = objects + pods_of_rollouts(objects)

    assert violations(programs / "gator", policies, documents, tmp_path) == []
    without_quota = [item for item in documents if item["kind"] != "ResourceQuota"]
    found = violations(programs / "gator", policies, without_quota, tmp_path)
    assert {line.partition(":")[0] for line in found} == {f"Pod {name}-0" for name in MODELS}
    assert all("has no quota" in line for line in found)


def mover(namespace: str) -> dict[str, Any]:
    """Return a pod as Velero makes one for each volume: as root, with the folder of the volume on the host."""
    image = "docker.io/velero/velero:v1.0@sha256:" + "0" * 64
    used = {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "2Gi"}}
    container = {"name": "mover", "image": image, "resources": used, "securityContext": {"privileged": False}}
    folder = {"name": "volume", "hostPath": {"path": "/var/lib/kubelet/pods/1/volumes/kubernetes.io~local-volume/2"}}
    spec = {
        "containers": [container], "volumes": [folder], "securityContext": {"runAsUser": 0},
        "serviceAccountName": "velero", "restartPolicy": "Never",
    }  # fmt: skip
    metadata = {"name": "platform-hourly-20260131110000-x7k2p", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def test_pods_that_move_bytes_of_volumes_are_exempt(programs: Path, policies: Path, tmp_path: Path) -> None:
    gator = programs / "gator"

    assert violations(gator, policies, [mover("velero")], tmp_path) == []
    assert len(violations(gator, policies, [mover("shop")], tmp_path)) >= 5


def test_what_keeps_none_is_found(programs: Path, policies: Path, tmp_path: Path) -> None:
    pod = {"containers": [{"name": "main", "image": "registry.example.com/main"}]}
    work = {"selector": {"matchLabels": {"app": "main"}}, "template": {"metadata": {}, "spec": pod}}
    careless = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "main", "namespace": "x"},
        "spec": work,
    }

    found = violations(programs / "gator", policies, [careless], tmp_path)

    assert len({line.split(": ", 1)[1] for line in found}) >= 10
