"""The API of the bundle's Kubernetes takes every object that roles apply and charts make, field for field.

Programs, charts and definitions are taken from a bundle, or from the store of one, that this machine has. Where
a site's own charts are not there, what their roles apply beside them is tried all the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from installer.adapters.catalog_files import load_catalog
from installer.adapters.lock_files import read_lock
from installer.model.artifact import Kind, Lock
from tests.api_server import ApiServer, running
from tests.bundled import blob, program, program_of_image
from tests.charts import chart_of, templated
from tests.cluster_objects import definitions, distinct, in_program, named, needed, pods
from tests.reference import reference
from tests.rendering import applied, prints, read_by_commands, releases, rendered_together, runs_in
from tests.repository import PROJECT, ROLES, text_files
from tests.site_rendering import rendered
from tests.unit.roles import falco_values, gpu_operator_values, harbor_values

BRINGING = [role for role in ROLES if applied(role) or releases(role)]
LAB = [role for role in BRINGING if runs_in(role, "lab")]
# What each renders for a site, by choice; which of it are objects; and for what its chart looks.
SITE = {"falco": falco_values, "gpu_operator": gpu_operator_values, "harbor": harbor_values}
CHOSEN = [(role, choice) for role, module in SITE.items() for choice in module.CHOICES]
_OBJECTS = ("objects", "secrets")
_LOOKED_FOR = ("--api-versions", "monitoring.coreos.com/v1", "--api-versions", "policy/v1/PodDisruptionBudget")
_REFERENCE = ("gpu-operator", "kube-prometheus-stack")
# Kinds that only what a role runs can define, which is not run here; each with who judges them instead.
DEFINED_LATER = {
    "gatekeeper": {"constraints.gatekeeper.sh": "Gatekeeper makes a kind of each policy; gator judges both"}
}
# What tasks would have read from a Vault.
_KEPT = {
    "password": "planted-password",
    "store": {"url": "https://192.0.2.10:8333", "region": "", "access_key": "key", "secret_key": "word"},
    "second_site": {"access_key": "other-key", "secret_key": "other-word"},
}


@dataclass(frozen=True)
class Brought:
    """What a role has a cluster take: what it applies itself, what its charts make, and where that goes."""

    applied: list[dict[str, Any]]
    charted: list[dict[str, Any]]
    namespace: str = ""

    @property
    def objects(self) -> list[dict[str, Any]]:
        """Return all of it."""
        return [*self.applied, *self.charted]


@pytest.fixture(scope="module")
def lock() -> Lock:
    """Return the lab's lock."""
    found = read_lock(PROJECT / "inventories/lab/bundle.lock.json")
    assert found is not None
    return found


@pytest.fixture(scope="module")
def programs(lock: Lock, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of the bundle's programs."""
    folder = tmp_path_factory.mktemp("programs")
    for name in ("etcd", "helm", "velero"):
        program(lock, name, folder)
    program_of_image(lock, "registry.k8s.io/kube-apiserver", "kube-apiserver", folder)
    program_of_image(lock, "quay.io/cilium/operator-generic", "cilium-operator-generic", folder)
    return folder


@pytest.fixture(scope="module")
def found(lock: Lock, programs: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what the lab's roles apply and give to charts, by role, and what its API server is told."""
    folder = tmp_path_factory.mktemp("rendered")
    wanted: dict[str, dict[str, Any]] = {
        role: {"applied": applied(role), "releases": [] if prints(role) else releases(role)} for role in LAB
    }
    wanted["kubernetes"] |= {
        "admission": "{{ lookup('ansible.builtin.template', 'admission.yml.j2') }}",
        "service_network": "{{ platform_service_network }}",
    }
    read = {name: value for role in LAB for name, value in read_by_commands(role).items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{programs}:/usr/bin:/bin")
        patch.setenv("KUBECONFIG", str(nowhere(folder)))
        return rendered_together(
            wanted, "lab", folder, **read, __velero_kept=_KEPT, velero_programs=str(programs),
            platform_bundle=str(laid_out(lock, folder)),
        )  # fmt: skip


def nowhere(folder: Path) -> Path:
    """Return the settings of a cluster that is never asked, which programs want to have before they print."""
    path, here = folder / "kubeconfig", {"cluster": "none", "user": "none"}
    clusters = [{"name": "none", "cluster": {"server": "https://192.0.2.1"}}]
    access = {"clusters": clusters, "contexts": [{"name": "none", "context": here}], "current-context": "none"}
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", **access}))
    return path


def laid_out(lock: Lock, folder: Path) -> Path:
    """Return a folder in which the charts of the lock lie as in a bundle."""
    blobs = folder / "bundle/oci/blobs/sha256"
    blobs.mkdir(parents=True)
    for item in lock.items:
        if item.kind is Kind.CHART:
            (blobs / item.digest.removeprefix("sha256:")).symlink_to(blob(lock, Kind.CHART, item.name))
    return folder / "bundle"


@pytest.fixture(scope="module")
def lab(found: dict[str, Any], lock: Lock, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Brought]:
    """Return what each of the lab's roles has a cluster take."""
    catalog, brought = load_catalog(PROJECT / "roles"), {}
    for role in LAB:
        charted: list[dict[str, Any]] = []
        charts = () if prints(role) else catalog[role].description.artifacts.charts
        for release, chart in zip(found[role]["releases"], charts, strict=True):
            namespace, values = release["helm_release_namespace"], release["helm_release_values"]
            packed, folder = blob(lock, Kind.CHART, chart.name), tmp_path_factory.mktemp("chart")
            charted += templated(release["helm_release_name"], packed, namespace, values, folder, "--include-crds")
        own = [item for part in found[role]["applied"] for item in part]
        brought[role] = Brought(own, charted, catalog[role].description.namespace or "")
    return brought


@pytest.fixture(scope="module")
def server(
    found: dict[str, Any], lab: dict[str, Brought], programs: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ApiServer]:
    """Return an API server that knows every kind the lab's roles define, and has their namespaces."""
    told = found["kubernetes"]
    with running(programs, tmp_path_factory.mktemp("api"), told["admission"], told["service_network"]) as server:
        everything = [item for brought in lab.values() for item in brought.objects]
        network = in_program(programs / "cilium-operator-generic", everything)
        assert server.define([*distinct(definitions(everything)), *network]) == []
        yield server


def faults(server: ApiServer, brought: Brought) -> list[str]:
    """Return what the API does not take of namespaces, charts, what goes over these, and the pods of all of it."""
    places = [item for item in brought.objects if item["kind"] == "Namespace"]
    answers = [server.applied(item, "", dry=False) for item in places]
    own, charted = (_rehearsed(server, items) for items in (brought.applied, brought.charted))
    below = {named(item, brought.namespace) for item in own}
    # What a role changes of its chart's objects must be there.
    answers += [
        server.made(item, brought.namespace, dry=named(item, brought.namespace) not in below) for item in charted
    ]
    answers += [server.applied(item, brought.namespace) for item in own]
    answers += [server.made(item, brought.namespace) for item in pods([*own, *charted])]
    return [answer for answer in answers if answer]


def _rehearsed(server: ApiServer, items: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the objects that the API may have an opinion on, without those that are there for the others."""
    there = ("CustomResourceDefinition", "Namespace")
    return [item for item in items if item["kind"] not in there and server.knows(item)]


def unknown(server: ApiServer, objects: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the groups of kinds that the API does not have."""
    return {item["apiVersion"].partition("/")[0] for item in objects if not server.knows(item)}


def test_every_role_that_has_a_cluster_take_something_is_tried() -> None:
    asking = {role for role in ROLES if "platform_kubeconfig" in tasks_of(role)}

    assert asking <= set(BRINGING)
    assert set(BRINGING) == {*LAB, *SITE}


def tasks_of(role: str) -> str:
    """Return what a role's tasks and private variables say."""
    folders = [PROJECT / "roles" / role / part for part in ("tasks", "vars")]
    return "".join(path.read_text() for path in text_files(*folders))


@pytest.mark.parametrize("role", LAB)
def test_what_a_role_of_the_lab_brings_is_taken(role: str, server: ApiServer, lab: dict[str, Brought]) -> None:
    assert lab[role].objects
    assert faults(server, lab[role]) == []
    assert unknown(server, lab[role].objects) == set(DEFINED_LATER.get(role, {}))


@pytest.fixture(scope="module")
def chosen(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], dict[str, Any]]:
    """Return what roles that the lab leaves out render for a site, by role and choice."""
    folders = [tmp_path_factory.mktemp(role) for role, _ in CHOSEN]

    def made(chosen: tuple[str, str], folder: Path) -> dict[str, Any]:
        role, choice = chosen
        return rendered(role, SITE[role].WANTED, folder, **SITE[role].CHOICES[choice])

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(CHOSEN, pool.map(made, CHOSEN, folders), strict=True))


@pytest.mark.parametrize(("role", "choice"), CHOSEN)
def test_what_a_role_of_a_site_applies_is_taken(
    role: str, choice: str, server: ApiServer, chosen: dict[tuple[str, str], dict[str, Any]]
) -> None:
    brought = of_site(role, chosen[role, choice])

    assert brought.applied
    assert faults(server, brought) == []
    assert unknown(server, brought.applied) == set()


def of_site(role: str, made: Mapping[str, Any], charted: Iterable[dict[str, Any]] = ()) -> Brought:
    """Return what a role that the lab leaves out has a site's cluster take."""
    own = [item for name in _OBJECTS for item in made.get(name, [])]
    return Brought(own, list(charted), load_catalog(PROJECT / "roles")[role].description.namespace or "")


@pytest.mark.parametrize(("role", "choice"), CHOSEN)
def test_what_a_chart_of_a_site_makes_is_taken(
    role: str, choice: str, server: ApiServer, chosen: dict[tuple[str, str], dict[str, Any]], tmp_path: Path
) -> None:
    name, made = role.replace("_", "-"), chosen[role, choice]
    namespace = of_site(role, made).namespace
    arguments = ("--include-crds", "--skip-tests", *_LOOKED_FOR)
    brought = of_site(role, made, templated(name, chart_of(name), namespace, made["values"], tmp_path, *arguments))
    paths = [path for folder in _REFERENCE for path in reference("charts", "crds", folder).glob("*.yaml")]
    described = [yaml.load(path.read_text(), Loader=yaml.CSafeLoader) for path in paths]

    assert server.define(needed([*described, *definitions(brought.charted)], brought.charted)) == []
    assert faults(server, brought) == []
    assert unknown(server, brought.objects) == set()


def test_a_field_that_there_is_not_is_refused(server: ApiServer) -> None:
    misspelt = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "main"}, "dta": {}}
    policy = {
        "apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy", "metadata": {"name": "main"},
        "spec": {"endpointSelectors": {}},
    }  # fmt: skip

    for item, field in ((misspelt, "dta"), (policy, "endpointSelectors")):
        assert field in server.made(item, "default")
        assert field in server.applied(item, "default")


@pytest.mark.parametrize(("namespace", "is_taken"), [("default", False), ("kube-system", True)])
def test_pods_are_judged_as_the_cluster_judges_them(namespace: str, is_taken: bool, server: ApiServer) -> None:
    container = {"name": "main", "image": "registry.example.com/main:1.0", "securityContext": {"privileged": True}}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "main"}, "spec": {"containers": [container]}}

    assert ("violates PodSecurity" not in server.made(pod, namespace)) is is_taken
