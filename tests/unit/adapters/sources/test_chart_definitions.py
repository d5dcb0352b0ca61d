"""Definitions that upstream has in no chart come in one of ours."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from installer.adapters.sources.charts import ChartUnavailable, pack, pack_definitions
from installer.model.artifact import ChartBuild, ChartSpec

DEFINITION = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: {name}.example.com, annotations: {{made-by: generator}}}}
spec: {{group: example.com, description: "for instance {{{{args.name}}}}"}}
"""
BUILD = ChartBuild("example.com/module", "manifests/crds", definitions=True)


def write(folder: Path) -> Path:
    (folder / "crds").mkdir(parents=True)
    (folder / "crds" / "b.yaml").write_text(DEFINITION.format(name="canaries"))
    (folder / "crds" / "a.yml").write_text(
        "---\n" + DEFINITION.format(name="routes") + "---\n---\n" + DEFINITION.format(name="doors")
    )
    (folder / "crds" / "kustomization.yaml").write_text("kind: Kustomization\nresources: [a.yml, b.yaml]\n")
    (folder / "crds" / "README.md").write_text("{{ not: yaml\n")
    return folder / "crds"


def files_in(packed: bytes) -> dict[str, str]:
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        return {entry.name: (archive.extractfile(entry) or io.BytesIO()).read().decode() for entry in archive}


def definitions_in(packed: bytes) -> list[dict[str, object]]:
    return list(yaml.safe_load_all(files_in(packed)["routes/crds/definitions.yaml"]))


def test_every_definition_of_a_folder_is_in_the_chart_and_nothing_else(tmp_path: Path) -> None:
    found = definitions_in(pack_definitions(write(tmp_path), "routes", "v1.2.0"))

    names = [entry["metadata"]["name"] for entry in found]  # type: ignore[index]
    assert names == ["routes.example.com", "doors.example.com", "canaries.example.com"]


def test_one_file_is_enough(tmp_path: Path) -> None:
    found = definitions_in(pack_definitions(write(tmp_path) / "b.yaml", "routes", "v1.2.0"))

    assert len(found) == 1


def test_definitions_are_found_by_the_name_of_their_chart(tmp_path: Path) -> None:
    (found,) = definitions_in(pack_definitions(write(tmp_path) / "b.yaml", "routes", "v1.2.0"))

    assert found["metadata"] == {
        "name": "canaries.example.com",
        "annotations": {"made-by": "generator"},
        "labels": {"app.kubernetes.io/name": "routes"},
    }


def test_each_definition_is_a_line_and_helm_fills_in_nothing(tmp_path: Path) -> None:
    files = files_in(pack_definitions(write(tmp_path), "routes", "v1.2.0"))

    lines = [line for line in files["routes/crds/definitions.yaml"].splitlines() if line != "---"]
    assert [json.loads(line)["spec"]["description"] for line in lines] == ["for instance {{args.name}}"] * 3
    assert sorted(files) == ["routes/Chart.yaml", "routes/crds/definitions.yaml"]


def test_the_chart_says_what_it_is(tmp_path: Path) -> None:
    files = files_in(pack(ChartSpec("routes", "v1.2.0", "MIT", build=BUILD), write(tmp_path)))

    described = yaml.safe_load(files["routes/Chart.yaml"])
    assert (described["apiVersion"], described["name"], described["version"]) == ("v2", "routes", "v1.2.0")


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    packed = [pack_definitions(write(tmp_path / name), "routes", "v1.2.0") for name in ("here", "there")]

    assert packed[0] == packed[1]


def test_files_without_a_definition_are_no_chart(tmp_path: Path) -> None:
    crds = write(tmp_path)

    with pytest.raises(ChartUnavailable, match=r"kustomization\.yaml holds no custom resource definition"):
        pack_definitions(crds / "kustomization.yaml", "routes", "v1.2.0")


@pytest.mark.parametrize(
    ("repository", "build"),
    [("", None), ("https://charts.example.com", BUILD), ("", ChartBuild("example.com/module", "charts"))],
    ids=["from nowhere", "from two places", "from upstream without a repository"],
)
def test_a_chart_comes_from_one_place(repository: str, build: ChartBuild | None) -> None:
    with pytest.raises(ValidationError, match="name the `repository` of a chart"):
        ChartSpec("routes", "v1.2.0", "MIT", repository, build)
