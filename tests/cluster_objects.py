"""What objects of a cluster say of themselves, and the definitions that their kinds need."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

# As Cilium's operator registers them, they lie in the program.
_IN_PROGRAM = re.compile(
    rb"apiVersion: apiextensions\.k8s\.io/v1\nkind: CustomResourceDefinition\n(?:metadata:\n|spec:\n| [^\n\0]*\n|\n)+"
)


def named(item: Mapping[str, Any], namespace: str) -> tuple[str, str, str]:
    """Return what tells objects apart."""
    return item["kind"], item["metadata"].get("namespace", namespace), item["metadata"]["name"]


def pods(objects: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield a pod of every workload, which is what admission judges."""
    for item in objects:
        spec = item.get("spec") or {}
        template = spec.get("jobTemplate", {}).get("spec", spec).get("template")
        if item["kind"] in ("CronJob", "DaemonSet", "Deployment", "Job", "StatefulSet"):
            place = {key: item["metadata"][key] for key in ("name", "namespace") if key in item["metadata"]}
            metadata = {**template.get("metadata", {}), **place}
            yield {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def definitions(objects: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the definitions among objects."""
    return [dict(item) for item in objects if item["kind"] == "CustomResourceDefinition"]


def distinct(items: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return definitions, the last of each name: a role applies those of its chart again."""
    return list({item["metadata"]["name"]: item for item in items}.values())


def in_program(path: Path, objects: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the definitions that a program registers at its start, those that objects need."""
    kinds = {item["kind"] for item in objects}
    texts = [text.decode() for text in _IN_PROGRAM.findall(path.read_bytes())]
    needed = [text for text in texts if kinds & set(re.findall(r"^    kind: (\w+)$", text, re.MULTILINE))]
    return [yaml.load(text, Loader=yaml.CSafeLoader) for text in needed]


def kinds_of(definition: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Yield version and kind, as objects name them, of what a definition has served."""
    spec = definition["spec"]
    for version in spec["versions"]:
        if version["served"]:
            yield {"apiVersion": f"{spec['group']}/{version['name']}", "kind": spec["names"]["kind"]}


def needed(described: Iterable[dict[str, Any]], objects: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the definitions that objects need."""
    kinds = {item["kind"] for item in objects}
    return distinct(item for item in described if any(entry["kind"] in kinds for entry in kinds_of(item)))
