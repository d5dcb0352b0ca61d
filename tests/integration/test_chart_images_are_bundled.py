"""Every image that a chart or kubeadm would pull is one of its component's artefacts.

Helm, the charts and kubeadm are taken from a bundle, or from the store of one, that this machine has.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from installer.adapters.catalog_files import load_catalog
from installer.adapters.lock_files import read_lock
from installer.model.artifact import Kind, Lock
from tests.bundled import blob, program
from tests.rendering import images_in, printout, prints, releases, render, runs_in
from tests.repository import PROJECT, ROLES

WITH_CHARTS = [role for role in ROLES if releases(role) and runs_in(role, "lab") and not prints(role)]
PRINTED = [role for role in ROLES if prints(role) and runs_in(role, "lab")]
# kubeadm names them whatever it is told; the platform's network does their work.
NOT_RUN = ("registry.k8s.io/coredns/coredns", "registry.k8s.io/kube-proxy")


@pytest.fixture(scope="module")
def lock() -> Lock:
    """Return the lab's lock."""
    found = read_lock(PROJECT / "inventories/lab/bundle.lock.json")
    assert found is not None
    return found


def version_of(lock: Lock, name: str) -> str:
    """Return the version of a locked program."""
    item = lock.find(Kind.FILE, name)
    assert item is not None
    return item.version


def bundled(*roles: str) -> dict[str, str]:
    """Return name and version of the images that components bring."""
    catalog = load_catalog(PROJECT / "roles")
    return {image.name: image.version for role in roles for image in catalog[role].description.artifacts.images}


@pytest.fixture(scope="module")
def helm(lock: Lock, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the bundle's Helm."""
    return program(lock, "helm", tmp_path_factory.mktemp("programs"))


@pytest.mark.parametrize("role", WITH_CHARTS)
def test_images_of_charts_are_bundled(role: str, lock: Lock, helm: Path, tmp_path: Path) -> None:
    charts = load_catalog(PROJECT / "roles")[role].description.artifacts.charts
    known = {f"{name}:{version}" for name, version in bundled(role).items()}
    images = set()

    for release, chart in zip(render(role, "lab", tmp_path)["releases"], charts, strict=True):
        values = tmp_path / f"{chart.name}.json"
        values.write_text(json.dumps(release["helm_release_values"]))
        command = [str(helm), "template", release["helm_release_name"], str(blob(lock, Kind.CHART, chart.name))]
        command += ["--namespace", release["helm_release_namespace"], "--values", str(values), "--include-crds"]
        command += ["--kube-version", version_of(lock, "kubeadm")]
        environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        images |= set(images_in(done.stdout))

    assert images != set()
    assert images <= known


@pytest.mark.parametrize("role", PRINTED)
def test_images_of_what_programs_print_are_bundled(role: str, lock: Lock, tmp_path: Path) -> None:
    known = {f"{name}:{version}" for name, version in bundled(role).items()}

    objects = printout(program(lock, prints(role), tmp_path), render(role, "lab", tmp_path)["printed"], tmp_path)

    images = set(images_in(json.dumps(objects)))
    assert images != set()
    assert images <= known


def test_images_of_kubeadm_are_bundled(lock: Lock, tmp_path: Path) -> None:
    kubeadm = program(lock, "kubeadm", tmp_path)

    command = [str(kubeadm), "config", "images", "list", "--kubernetes-version", version_of(lock, "kubeadm")]
    listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    names = {line.rpartition(":")[0] for line in listing.splitlines()} - set(NOT_RUN)
    assert names <= set(bundled("kubernetes", "container_runtime"))
