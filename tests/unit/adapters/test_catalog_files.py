"""The catalogue is read from roles' folders, and every mistake in it is told with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from installer.adapters.catalog_files import load_catalog
from installer.errors import InvalidConfiguration

GOOD = "summary: Runs\nlayer: host\nruns_on: all\n"


def write(roles: Path, name: str, description: str, *tasks: str) -> None:
    folder = roles / name / "tasks"
    folder.mkdir(parents=True)
    (roles / name / "component.yml").write_text(description)
    for task in ("main", *tasks):
        (folder / f"{task}.yml").write_text("[]")


def test_a_folder_is_a_component(tmp_path: Path) -> None:
    write(tmp_path, "storage", GOOD + "needs: [network]\n")

    component = load_catalog(tmp_path)["storage"]

    assert (component.name, component.needs, component.layer.value) == ("storage", ("network",), "host")


def test_task_files_are_the_verbs(tmp_path: Path) -> None:
    write(tmp_path, "storage", GOOD, "deploy", "verify", "backup", "_helper")

    assert load_catalog(tmp_path)["storage"].verbs == {"deploy", "verify", "backup"}


def test_a_folder_without_a_description_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()

    assert len(load_catalog(tmp_path)) == 0


@pytest.mark.parametrize(
    ("description", "said"),
    [
        ("summary: Runs\nlayer: hots\nruns_on: all\n", "component.yml:2: layer"),
        ("summary: Runs\nlayer: host\n", "runs_on: Field required"),
        (GOOD + "need: [network]\n", "component.yml:4: need"),
        (GOOD + "artifacts:\n  charts:\n    - {name: x}\n", "component.yml:6: artifacts.charts.0.version"),
        (GOOD + "artifacts:\n  packages: [x]\n", "component.yml:5: artifacts.packages"),
        (GOOD + "metrics:\n  - {job: x, port: 1}\n", "component.yml:5: metrics.0: Value error, say `hosts` or `pods`"),
        (GOOD + "metrics:\n  - {job: x, port: 1, pods: {a: b}}\n", "`metrics` of pods are in a `namespace`"),
        (GOOD + "metrics:\n  - {job: x_y, port: 1, hosts: all}\n", "becomes part of objects' names"),
        (GOOD + "metrics:\n  - {job: x, port: 1, hosts: all, scheme: https}\n", "`authority` says who signed"),
        (GOOD + "metrics:\n  - {job: x, port: 1, hosts: all, token: true}\n", "is shown to nobody"),
        (GOOD + "metrics:\n  - {job: x, port: 1, hosts: all, namespace: y}\n", "are of `pods`"),
    ],
    ids=[
        "unknown layer",
        "missing field",
        "misspelt field",
        "incomplete chart",
        "wrong type",
        "metrics of nothing",
        "metrics nowhere",
        "a job no object can be named after",
        "metrics of an unknown signer",
        "a token in the clear",
        "hosts in a namespace",
    ],
)
def test_a_mistake_is_told_where_it_was_made(tmp_path: Path, description: str, said: str) -> None:
    write(tmp_path, "storage", description)

    with pytest.raises(InvalidConfiguration) as caught:
        load_catalog(tmp_path)

    assert said in "\n".join(caught.value.details)


def test_mistakes_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    write(tmp_path, "a", "summary: 1\n")
    write(tmp_path, "b", "layer: x\n")

    with pytest.raises(InvalidConfiguration) as caught:
        load_catalog(tmp_path)

    assert {Path(problem.where.partition(":")[0]).parent.name for problem in caught.value.problems} == {"a", "b"}
