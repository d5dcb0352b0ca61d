"""A bundle carries what belongs to the project, and nothing that lies about."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from installer.adapters.project_files import project_files


def write(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)


def names(root: Path) -> list[str]:
    return [name for name, _ in project_files(root)]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a checkout with a file that is known, and one that is ignored."""
    write(tmp_path, "README.md", "built/program")
    (tmp_path / ".gitignore").write_text("built/\n")
    git = ["git", "-c", "init.defaultBranch=main", "-C", str(tmp_path)]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "add", "README.md"], check=True)
    return tmp_path


def test_a_checkout_gives_what_is_known_and_what_is_new(checkout: Path) -> None:
    write(checkout, "roles/new/component.yml")

    assert names(checkout) == [".gitignore", "README.md", "roles/new/component.yml"]


def test_what_is_known_and_deleted_is_passed_over(checkout: Path) -> None:
    (checkout / "README.md").unlink()

    assert names(checkout) == [".gitignore"]


def test_a_link_is_passed_over(checkout: Path) -> None:
    (checkout / "link").symlink_to("/etc/passwd")

    assert "link" not in names(checkout)


def test_an_unpacked_project_gives_everything_but_what_tools_leave(tmp_path: Path) -> None:
    write(
        tmp_path, "README.md", ".venv/bin/python", "installer/__pycache__/x.pyc", "x.egg-info/PKG-INFO", ".mypy_cache/x"
    )

    assert names(tmp_path) == ["README.md"]


def test_every_file_comes_with_its_place(tmp_path: Path) -> None:
    write(tmp_path, "roles/a/component.yml")

    assert list(project_files(tmp_path)) == [("roles/a/component.yml", tmp_path / "roles/a/component.yml")]


def test_a_model_that_lies_beside_its_inventory_is_not_carried_twice(tmp_path: Path) -> None:
    write(tmp_path, "inventories/site/models.yml", "inventories/site/letters/model.gguf")

    found = [name for name, _ in project_files(tmp_path, [tmp_path / "inventories/site/letters"])]

    assert found == ["inventories/site/models.yml"]
