"""What is applied counts as changed when it was not there, or was otherwise."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.platform.base.plugins.module_utils.kubectl import Kubectl, KubectlFailed
from ansible_collections.platform.base.plugins.modules.cluster_objects import apply

# Answers to `get` and to `apply` what files say, and keeps what it was asked and given.
_SCRIPT = """#!/bin/sh
for word in "$@"; do case $word in get|apply) verb=$word;; esac; done
echo "$*" >> {folder}/calls
cat > {folder}/given
cat {folder}/$verb.err >&2 2>/dev/null
cat {folder}/$verb.out 2>/dev/null
[ ! -e {folder}/$verb.err ]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    (tmp_path / "kubectl").write_text(_SCRIPT.format(folder=tmp_path))
    (tmp_path / "kubectl").chmod(0o755)
    return tmp_path


def configuration(name: str, value: str, **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "shop", **metadata},
        "data": {"key": value},
    }


def listed(*items: dict[str, Any]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(items)})


def applied(folder: Path, before: str, after: str, dry: bool = False) -> list[str]:
    (folder / "get.out").write_text(before)
    (folder / "apply.out").write_text(after)
    return apply(Kubectl("/etc/platform/kubeconfig", pause=lambda _: None), [configuration("one", "new")], dry)


def test_what_is_as_it_was_is_no_change(folder: Path) -> None:
    before = listed(configuration("one", "new", resourceVersion="7", generation=1, uid="u"))
    after = listed(configuration("one", "new", resourceVersion="9", generation=2, uid="u"))

    assert applied(folder, before, after) == []


def test_a_status_that_somebody_wrote_meanwhile_is_no_change(folder: Path) -> None:
    after = json.dumps({**configuration("one", "new"), "status": {"ready": True}})

    assert applied(folder, json.dumps(configuration("one", "new")), after) == []


@pytest.mark.parametrize("before", ["", listed(configuration("one", "old")), listed(configuration("two", "new"))])
def test_what_was_not_there_or_was_otherwise_is_named(folder: Path, before: str) -> None:
    assert applied(folder, before, listed(configuration("one", "new"))) == ["v1/ConfigMap/shop/one"]


def test_labels_are_of_the_object(folder: Path) -> None:
    before = listed(configuration("one", "new", labels={"team": "a"}))
    after = listed(configuration("one", "new", labels={"team": "b"}))

    assert applied(folder, before, after) == ["v1/ConfigMap/shop/one"]


def test_a_rehearsal_writes_nothing(folder: Path) -> None:
    applied(folder, "", listed(configuration("one", "new")), dry=True)

    assert "--dry-run=server" in (folder / "calls").read_text().splitlines()[-1]


def test_objects_are_given_in_no_argument(folder: Path) -> None:
    applied(folder, "", listed(configuration("one", "new")))

    assert "new" not in (folder / "calls").read_text()
    assert json.loads((folder / "given").read_text())["items"] == [configuration("one", "new")]


def test_a_kind_that_is_not_registered_yet_has_no_objects(folder: Path) -> None:
    (folder / "get.err").write_text('error: no matches for kind "Policy" in version "v1"')

    assert applied(folder, "", listed(configuration("one", "new"))) == ["v1/ConfigMap/shop/one"]


def test_what_cannot_be_read_is_not_written_over(folder: Path) -> None:
    (folder / "get.err").write_text("Error from server (Forbidden): no")

    with pytest.raises(KubectlFailed, match=r"What is there cannot be read: .*Forbidden"):
        applied(folder, "", listed(configuration("one", "new")))

    assert "apply" not in (folder / "calls").read_text()


def test_what_the_cluster_refuses_is_told(folder: Path) -> None:
    (folder / "apply.err").write_text("Error from server (BadRequest): unknown field")

    with pytest.raises(KubectlFailed, match="unknown field"):
        applied(folder, "", "")


def test_nothing_to_apply_is_not_asked_for(folder: Path) -> None:
    assert apply(Kubectl("/etc/platform/kubeconfig"), [], dry=False) == []
    assert not (folder / "calls").exists()


def test_what_shall_stay_as_it_is_is_not_applied_again(folder: Path) -> None:
    there, missing = configuration("one", "moved on"), configuration("two", "new")
    (folder / "get.out").write_text(json.dumps(there))
    (folder / "apply.out").write_text(json.dumps(missing))
    cluster = Kubectl("/etc/platform/kubeconfig", pause=lambda _: None)

    names = apply(cluster, [configuration("one", "first"), missing], dry=False, only_missing=True)

    assert names == ["v1/ConfigMap/shop/two"]
    assert json.loads((folder / "given").read_text())["items"] == [missing]


def test_where_nothing_is_missing_nothing_is_applied(folder: Path) -> None:
    (folder / "get.out").write_text(json.dumps(configuration("one", "moved on")))

    names = apply(Kubectl("/x", pause=lambda _: None), [configuration("one", "first")], dry=False, only_missing=True)

    assert names == []
    assert "apply" not in (folder / "calls").read_text()


def scaled(copies: int) -> dict[str, Any]:
    return {
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "spec": {"replicas": copies, "paused": False},
        "metadata": {
            "name": "letters", "namespace": "shop", "annotations": {"platform.internal/scaled-within": "2-4"},
        },
    }  # fmt: skip


@pytest.mark.parametrize(
    ("there", "given"),
    [(None, 2), (3, 3), (1, 2), (9, 4)],
    ids=["not there yet", "between", "below the least", "above the most"],
)
def test_copies_that_something_else_decides_stay_within_their_bounds(
    there: int | None, given: int, folder: Path
) -> None:
    (folder / "get.out").write_text(listed() if there is None else listed(scaled(there)))
    (folder / "apply.out").write_text(listed(scaled(given)))

    changed = apply(Kubectl("/etc/platform/kubeconfig", pause=lambda _: None), [scaled(2)], False)

    (sent,) = json.loads((folder / "given").read_text())["items"]
    assert sent["spec"] == {"replicas": given, "paused": False}
    assert bool(changed) == (there != given)
