"""Models on the command line: looked into, named, listed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from installer.adapters.blob_store import BlobStore
from installer.adapters.lock_files import write_lock
from installer.adapters.sources.model_folder import require_fit
from installer.adapters.sources.model_images import ModelImages
from installer.cli.app import app
from installer.cli.completion import licences, models
from tests.bundles import lock_of
from tests.fakes import RecordingReporter
from tests.models import entry_of, write_gguf_model, write_safetensors_model


class Line:
    """What has been typed so far."""

    parent = None

    def __init__(self, **params: object) -> None:
        self.params = params


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "hosts.yml").write_text("all: {hosts: {}}\n")
    return folder


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    return write_safetensors_model(tmp_path / "letters")


def run(*arguments: str | Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["model", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


def add(site: Path, folder: Path, **options: str) -> tuple[int, str, str]:
    given = {"name": "letters", "version": "1.0.0", "licence": "apache-2.0", **options}
    words = [word for name, value in given.items() for word in (f"--{name.replace('_', '-')}", value)]
    return run("add", folder, "--inventory", site, *words)


def pin(site: Path, folder: Path) -> str:
    """Lock a model of a folder, and return the digest of its image."""
    images = ModelImages(BlobStore(site.parent / "store"), ("linux/amd64",))
    item = images.make(entry_of(folder), require_fit(folder), RecordingReporter())
    write_lock(site / "bundle.lock.json", lock_of(item))
    return item.digest


def test_a_check_says_what_a_model_is(letters: Path) -> None:
    code, stdout, _ = run("check", letters)

    told = {line[:14].strip(): line[14:] for line in stdout.splitlines()}
    assert code == 0
    assert told.pop("contents").startswith("sha256:")
    assert told.pop("size").endswith("in 6 files")
    assert told == {
        "format": "safetensors", "architecture": "LettersForCausalLM", "parameters": "8", "precision": "BF16",
        "context": "2048 tokens", "licence": "LICENSE; its maker says apache-2.0",
    }  # fmt: skip


def test_a_check_says_the_same_to_programs(tmp_path: Path) -> None:
    code, stdout, _ = run("check", write_gguf_model(tmp_path / "tiny"), "--output", "json")

    found = json.loads(stdout)
    assert code == 0
    assert (found["formats"], found["architecture"], found["context_tokens"]) == (["GGUF"], "llama", 32768)
    assert list(found["files"]) == ["LICENSE", "tiny.gguf"]


def test_a_check_lists_everything_that_is_wrong_and_ends_with_three(letters: Path) -> None:
    (letters / "LICENSE").unlink()
    (letters / "model.pkl").write_bytes(b"")

    code, stdout, stderr = run("check", letters)

    assert (code, stdout) == (3, "")
    assert "ERROR 2 mistakes in the model" in stderr
    assert f"{letters}/model.pkl: has the name of a pickle" in stderr
    assert f"{letters}: holds no licence." in stderr


def test_what_was_added_is_listed_and_pinned_by_the_next_lock(site: Path, letters: Path) -> None:
    code, stdout, _ = add(site, letters, base_model="example/base")
    _, listed, _ = run("list", "--inventory", site, "--output", "json")

    (model,) = json.loads(listed)["models"]
    assert (code, stdout) == (0, f"letters 1.0.0 added in {site}/models.yml. `bundle lock` pins it.\n")
    assert (model["name"], model["version"], model["licence"]) == ("letters", "1.0.0", "Apache-2.0")
    assert (model["listed"], model["locked"], model["bundled"], model["reference"]) == (True, "", "", "")


def test_a_list_tells_what_is_named_what_is_pinned_and_how_to_name_just_that(site: Path, letters: Path) -> None:
    add(site, letters, version="1.1.0")
    digest = pin(site, letters)

    _, listed, _ = run("list", "--inventory", site, "--output", "json")
    _, text, _ = run("list", "--inventory", site)

    pinned, named = json.loads(listed)["models"]
    assert (pinned["version"], pinned["listed"], pinned["locked"]) == ("1.0.0", False, digest)
    assert pinned["reference"] == f"platform.internal/models/letters:v1.0.0@{digest}"
    assert (named["version"], named["listed"], named["locked"]) == ("1.1.0", True, "")
    assert [line.split()[-3:] for line in text.splitlines()[2:]] == [["no", "yes", "no"], ["yes", "no", "no"]]


def test_a_bundle_that_nobody_trusted_signed_is_passed_over(site: Path, letters: Path, tmp_path: Path) -> None:
    add(site, letters)
    (site / "allowed_signers").write_text("")
    (tmp_path / "bundle").mkdir()
    for name in ("RELEASE", "RELEASE.sig"):
        (tmp_path / "bundle" / name).write_text("nothing\n")

    code, stdout, stderr = run("list", "--inventory", site, "--bundle", tmp_path / "bundle")

    assert (code, stdout.split()[-1]) == (0, "no")
    assert "The bundle is passed over" in stderr


def test_a_site_without_models_says_how_to_have_one(site: Path) -> None:
    code, stdout, _ = run("list", "--inventory", site)

    assert code == 0
    assert "model add --help" in stdout


def test_a_folder_that_is_not_fit_is_not_added(site: Path, letters: Path) -> None:
    (letters / "LICENSE").unlink()

    code, _, stderr = add(site, letters)

    assert code == 3
    assert "holds no licence" in stderr
    assert not (site / "models.yml").exists()


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("name", "Letters", '--name: name cannot be "Letters". Write small letters'),
        ("version", "1.0", '--version: version cannot be "1.0". Write three numbers'),
        ("licence", "llama3", '--licence: licence cannot be "llama3". Write its SPDX identifier'),
        ("licence", "", "--licence: licence is empty."),
        ("base_model", "a\nb", "--base-model: base_model is"),
    ],
)
def test_an_option_that_cannot_be_ends_with_two_and_what_to_write(
    site: Path, letters: Path, option: str, value: str, said: str
) -> None:
    code, _, stderr = add(site, letters, **{option: value})

    assert code == 2
    assert said in stderr
    assert not (site / "models.yml").exists()


def test_other_files_of_a_version_that_is_pinned_are_not_added(site: Path, letters: Path) -> None:
    digest = pin(site, letters)
    (letters / "LICENSE").write_text("You may not.\n")

    code, _, stderr = add(site, letters)

    assert code == 3
    assert f"{letters}/LICENSE: has the digest sha256:" in stderr
    assert f"give the model a new version in {site}/models.yml." in stderr
    assert digest not in stderr


def test_tab_offers_the_models_of_the_inventory_on_the_line_and_usual_licences(site: Path, letters: Path) -> None:
    add(site, letters)

    assert models(Line(inventory=str(site)), [], "le") == ["letters"]  # type: ignore[arg-type]
    assert models(Line(inventory="nowhere"), [], "") == []  # type: ignore[arg-type]
    assert licences(Line(), [], "A") == ["Apache-2.0"]  # type: ignore[arg-type]
