"""A bundle with a model, as an operator handles it by the commands."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from installer.adapters.blob_store import BlobStore
from installer.adapters.sources.model_folder import require_fit
from installer.adapters.sources.model_images import ModelImages
from installer.model.artifact import Lock
from tests.bundles import Maker, flip, lock_of, tree
from tests.fakes import RecordingReporter
from tests.models import entry_of, write_gguf_model

PROJECT = Path(__file__).parents[2]
PAGE = PROJECT / "docs/operations/serve-a-model.md"


def run(site: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "installer", "--inventory", str(site), "--state", str(site.parent / "state")]
    return subprocess.run(
        [*command, *map(str, arguments)], cwd=PROJECT, capture_output=True, text=True, check=False, timeout=120
    )


def a_site(keys: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "hosts.yml").write_text("all: {hosts: {}}\n")
    (folder / "allowed_signers").write_bytes((keys / "allowed_signers").read_bytes())
    return folder


def locked(maker: Maker, folder: Path, version: str) -> Lock:
    entry = entry_of(folder, "tiny", version)
    images = ModelImages(BlobStore(maker.folder / "store"), ("linux/amd64",))
    return lock_of(images.make(entry, require_fit(folder), RecordingReporter()))


def test_a_model_is_verified_named_when_damaged_and_renewed_by_a_delta(
    keys: Path, signing_maker: Callable[[Path], Maker], tmp_path: Path
) -> None:
    site, maker = a_site(keys, tmp_path), signing_maker(tmp_path / "made")
    old_lock = locked(maker, write_gguf_model(tmp_path / "tiny"), "0.1.0")
    old = maker.build("old", items=old_lock)
    new = maker.build("new", sequence=2, items=locked(maker, write_gguf_model(tmp_path / "tiny-2", seed=2), "0.2.0"))
    delta, key = tmp_path / "delta", keys / "maker"

    good = run(site, "bundle", "verify", "--bundle", old, "--deep")
    differing = run(site, "bundle", "diff", old, new, "--output", "json")
    made = run(site, "bundle", "delta", "--base", old, "--bundle", new, "--to", delta, "--key", key)
    loaded = run(site, "bundle", "load", "--bundle", old, "--from", delta)
    flip(max((new / "oci/blobs/sha256").iterdir(), key=lambda path: path.stat().st_size))
    damaged = run(site, "bundle", "verify", "--bundle", new)

    assert [done.returncode for done in (good, differing, made, loaded)] == [0, 0, 0, 0]
    (change,) = json.loads(differing.stdout)["changed"]
    assert change["before"].startswith("v0.1.0")
    assert "It is whole" in loaded.stdout
    assert tree(old).keys() == tree(new).keys()
    assert damaged.returncode == 7
    assert "It is of image platform.internal/models/tiny v0.2.0." in damaged.stderr


def test_the_page_can_be_followed_as_it_is_written_until_the_lock(keys: Path, tmp_path: Path) -> None:
    site, folder = a_site(keys, tmp_path), write_gguf_model(tmp_path / "letters")
    (folder / "more").mkdir()
    (folder / "more/notes on it.txt").write_text("Small.\n")
    section = PAGE.read_text().partition("Bring a model of your own in\n")[2]
    blocks = [block for block in re.findall(r"^```shell\n(.*?)^```", section, re.M | re.S) if "models/letters" in block]
    places = {
        "./platform-install": f"{sys.executable} -m installer", "--inventory onprem": f"--inventory {site}",
        "/srv/models/letters": str(folder),
    }  # fmt: skip

    def typed(text: str) -> str:
        for before, after in places.items():
            text = text.replace(before, after)
        environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
        return subprocess.run(
            ["sh", "-euc", text], cwd=PROJECT, env=environment, capture_output=True, text=True, check=True, timeout=120
        ).stdout

    checked, summed, added = map(typed, blocks)

    assert "format        GGUF" in checked
    assert f"contents      sha256:{summed.split()[0]}" in checked
    assert added.startswith("letters 1.0.0 added in ")
