"""What components that the lab leaves out would have a cluster take, shown to a real one with its policies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.kubectl import Kubectl

from installer.adapters.catalog_files import load_catalog
from tests.deploying import deployed
from tests.repository import PROJECT
from tests.site_rendering import rendered
from tests.system.site import LabSite
from tests.unit.roles import falco_values, gpu_models, gpu_operator_values, harbor_values

_CHOSEN = {"falco": falco_values, "gpu_operator": gpu_operator_values, "harbor": harbor_values}
# What others are judged by must be there; it goes afterwards.
_GROUND = ("Namespace", "PriorityClass", "ResourceQuota", "LimitRange", "ServiceAccount")
_WORKLOADS = ("CronJob", "DaemonSet", "Deployment", "Job", "Rollout", "StatefulSet")

Object = Mapping[str, Any]

# A field that there is not, one of a definition's, and a pod that policies refuse.
BAD: tuple[Object, ...] = (
    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "bad"}, "dta": {}},
    {
        "apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy", "metadata": {"name": "bad"},
        "spec": {"endpointSelectors": {}},
    },
    {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "bad"},
        "spec": {"containers": [{"name": "main", "image": "registry.example.com/main:1.0"}]},
    },
)  # fmt: skip


def wanted(folder: Path) -> Iterator[tuple[str, str, list[Object]]]:
    """Yield component, choice, and the objects that its role applies, by what a site chooses.

    Args:
        folder: where to work.
    """
    for role, module in _CHOSEN.items():
        for number, (choice, variables) in enumerate(module.CHOICES.items()):
            place = folder / f"{role}{number}"
            place.mkdir()
            made = rendered(role, module.WANTED, place, **variables)
            yield role, choice, [*made["objects"], *made.get("secrets", [])]
    place = folder / "vllm"
    place.mkdir()
    asked = deployed("vllm", place, images=[gpu_models.BUNDLED], vllm_models=gpu_models.MODELS)
    yield "vllm", "models of every kind", list(asked.objects)


def namespace_of(role: str) -> str:
    """Return where a component lives."""
    return str(load_catalog(PROJECT / "roles")[role].description.namespace)


def pods(objects: Iterable[Object]) -> Iterator[Object]:
    """Yield a pod of every workload, which is what admission judges."""
    for item in objects:
        if item["kind"] in _WORKLOADS:
            spec = item["spec"]
            template = spec.get("jobTemplate", {}).get("spec", spec)["template"]
            place = {key: item["metadata"][key] for key in ("name", "namespace") if key in item["metadata"]}
            metadata = {**template.get("metadata", {}), **place}
            yield {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


@contextmanager
def ground(cluster: Kubectl, objects: Sequence[Object], namespace: str) -> Iterator[None]:
    """Have there be what the rest is judged by, as long as it is."""
    found = [item for item in objects if item["kind"] in _GROUND]
    made = {item["metadata"]["name"] for item in found if item["kind"] == "Namespace"}
    # Those of a site's teams are the site's own to make.
    teams = {item["metadata"].get("namespace", namespace) for item in objects} - made
    places: list[Object] = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in sorted(teams)
    ]
    places += [item for item in found if item["kind"] == "Namespace"]
    try:
        # A place is there before what is in it.
        for item in [*places, *(item for item in found if item["kind"] != "Namespace")]:
            cluster.apply([item], item["metadata"].get("namespace", namespace))
        yield
    finally:
        for item in [*places, *found]:
            if item["kind"] in ("Namespace", "PriorityClass"):
                cluster.attempt("delete", item["kind"], item["metadata"]["name"], "--ignore-not-found")


def known(cluster: Kubectl) -> set[tuple[str, str]]:
    """Return the kinds that a cluster has, each as objects name it: version, kind."""
    lines = cluster.run("api-resources", "--no-headers").splitlines()
    return {(line.split()[-3], line.split()[-1]) for line in lines}


def refused(cluster: Kubectl, objects: Sequence[Object], namespace: str) -> list[str]:
    """Return what a cluster says against objects and their workloads' pods, none of which it gets.

    A field that it does not know is something that it says.
    """
    answers = []
    command = ("apply", "--server-side", "--dry-run=server", "--validate=strict", "--filename=-")
    for item in [*(item for item in objects if item["kind"] not in _GROUND), *pods(objects)]:
        place = item["metadata"].get("namespace", namespace)
        done = cluster.attempt(*command, f"--namespace={place}", document=item)
        if done.returncode or "Warning" in done.stderr:
            answers.append(f"{item['kind']} {item['metadata']['name']}: {done.stderr.strip()[-400:]}")
    return answers


def refusals(site: LabSite, folder: Path) -> dict[str, list[str]]:
    """Return what a site says against each component that it lacks, where it says something.

    Args:
        folder: where to work.
    """
    cluster, answers = Kubectl(str(site.state / "kubeconfig")), {}
    assert all(refused(cluster, [item], "default") for item in BAD), "What is bad must be refused."
    kinds = known(cluster)
    for role, choice, objects in wanted(folder):
        namespace = namespace_of(role)
        there = [item for item in objects if (item["apiVersion"], item["kind"]) in kinds]
        with ground(cluster, there, namespace):
            answers[f"{role}, {choice}"] = refused(cluster, there, namespace) if there else ["nothing was shown"]
    return {key: said for key, said in answers.items() if said}
