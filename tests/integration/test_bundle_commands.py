"""The bundle's commands as an operator types them."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from installer.adapters.lock_files import read_lock
from tests.bundles import SIZES, Maker, flip, tree

PROJECT = Path(__file__).parents[2]
PAGE = PROJECT / "docs/operations/carry-a-bundle-in.md"


@pytest.fixture
def site(keys: Path, tmp_path: Path) -> Path:
    """Return the inventory of a site that trusts `maker`."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "hosts.yml").write_text("all: {hosts: {}}\n")
    shutil.copy(keys / "allowed_signers", folder)
    return folder


@pytest.fixture
def bundle(signing_maker: Callable[[Path], Maker], tmp_path: Path) -> Path:
    return signing_maker(tmp_path / "made").build()


def run(site: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command, *others = map(str, arguments)
    common = ["--inventory", str(site), "--state", str(site.parent / "state")]
    return subprocess.run(
        [sys.executable, "-m", "installer", "bundle", command, *common, *others],
        cwd=PROJECT, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def test_a_bundle_goes_onto_volumes_and_off_again(site: Path, bundle: Path, tmp_path: Path) -> None:
    split = run(site, "split", "--bundle", bundle, "--media", "1.5M", "--to", tmp_path / "disk", "--output", "json")
    first, *others = [tmp_path / "disk" / volume["name"] for volume in json.loads(split.stdout)["volumes"]]
    target = tmp_path / "target"
    begun = run(site, "load", "--bundle", target, "--from", first)
    ended = run(site, "load", "--bundle", target, *(word for path in others for word in ("--from", path)))
    checked = run(site, "verify", "--bundle", target, "--deep")

    assert "volumes there lack: 2, 3, 4." in begun.stdout
    assert "It is whole" in ended.stdout
    assert "signed by maker@example.com" in checked.stdout
    assert tree(target) == tree(bundle)


@pytest.mark.parametrize(
    "arguments",
    [("verify", "--bundle", "{bundle}"), ("load", "--bundle", "{target}", "--from", "{bundle}"),
     ("split", "--bundle", "{bundle}", "--media", "1.5M", "--to", "{target}"),
     ("diff", "{bundle}", "{bundle}"), ("delta", "--bundle", "{bundle}", "--base", "{bundle}", "--to", "{target}")],
    ids=lambda arguments: arguments[0],
)  # fmt: skip
def test_a_damaged_bundle_is_refused_with_7_and_nothing_is_touched(
    site: Path, bundle: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    flip(bundle / "manifest.json")

    done = run(site, *(word.format(bundle=bundle, target=tmp_path / "target") for word in arguments))

    assert (done.returncode, done.stdout) == (7, "")
    assert "manifest.json" in done.stderr
    assert "→ " in done.stderr
    assert not list(tmp_path.glob("target*"))


def test_an_older_bundle_than_the_site_has_seen_is_refused(site: Path, bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "bundle_sequence").write_text("2\n")

    done = run(site, "load", "--bundle", tmp_path / "target", "--from", bundle)

    assert done.returncode == 7
    assert "this site has seen 2" in done.stderr


def test_a_second_load_at_once_is_refused(site: Path, bundle: Path, tmp_path: Path) -> None:

    (tmp_path / "state").mkdir()
    with (tmp_path / "state" / "lock").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        done = run(site, "load", "--bundle", tmp_path / "target", "--from", bundle)

    assert done.returncode == 8


def test_a_plan_needs_nothing_but_inventory_and_lock(tmp_path: Path) -> None:
    done = run(tmp_path / "lab", "plan", "--inventory", "lab", "--media", "700M", "--output", "json")

    planned = json.loads(done.stdout)
    lock = read_lock(PROJECT / "inventories/lab/bundle.lock.json")
    assert lock is not None
    assert planned["size"] == sum({blob.digest: blob.size for item in lock.items for blob in item.blobs}.values())
    assert planned["volumes"] > 1


# ---------------------------------------------------------------- the operator's page


def blocks(heading: str) -> list[str]:
    """Return what is typed below a heading of the page."""
    section = re.split(r"^## ", PAGE.read_text(), flags=re.M)
    (found,) = (text for text in section if text.startswith(heading))
    return re.findall(r"^```shell\n(.*?)^```", found, flags=re.M | re.S)


class Operator:
    """Types what the page says, in folders of the test's own."""

    def __init__(self, folder: Path, site: Path) -> None:
        self.folder = folder
        self._places = {
            "./platform-install": f"{sys.executable} -m installer",
            "--inventory onprem": f"--inventory {site} --state {folder / 'state'}",
            "/var/lib/platform-install/onprem": str(folder / "state"),
            "/etc/platform": str(site),
            "/srv": str(folder),
            "/media/disk": str(folder / "disk"),
        }

    def types(self, text: str) -> str:
        """Type it, and return what it said."""
        for before, after in self._places.items():
            text = text.replace(before, after)
        # The bundle of the test is small.
        text = re.sub("(bundle split .*--media) 4.7G", r"\1 1.5M", text)
        environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
        arguments = ["sh", "-euc", text]
        return subprocess.run(
            arguments, cwd=PROJECT, env=environment, capture_output=True, text=True, check=True, timeout=120
        ).stdout


def test_the_page_can_be_followed_as_it_is_written(
    site: Path, signing_maker: Callable[[Path], Maker], tmp_path: Path
) -> None:
    maker = signing_maker(tmp_path / "maker" / "state")
    maker.build()
    at_home, there = Operator(tmp_path / "maker", site), Operator(tmp_path / "there", site)

    for block in blocks("1. Plan"):
        # Only a real inventory has a lock; the lab's is at hand everywhere.
        Operator(tmp_path / "planner", Path("lab")).types(block)
    for block in blocks("2. Check"):
        at_home.types(block)
    (tmp_path / "there").mkdir()
    shutil.move(tmp_path / "maker" / "volumes", tmp_path / "there" / "disk")
    said = [there.types(block) for heading in ("3. Trust", "4. Load", "5. Verify") for block in blocks(heading)]

    assert any(text.startswith("good: site-bundle") for text in said)
    assert tree(tmp_path / "there/state/bundle") == tree(tmp_path / "maker/state/bundle")


def test_the_page_on_deltas_can_be_followed_as_it_is_written(
    site: Path, keys: Path, signing_maker: Callable[[Path], Maker], tmp_path: Path
) -> None:
    at_home, there = Operator(tmp_path / "maker", site), Operator(tmp_path / "there", site)
    maker = signing_maker(tmp_path / "maker" / "state")
    shutil.copytree(maker.build(), tmp_path / "maker" / "previous")
    shutil.copytree(tmp_path / "maker/previous", tmp_path / "there/state/bundle")
    maker.build(sizes={**SIZES, "zeta": 1_200_000}, sequence=2)
    (tmp_path / "maker/state/keys").mkdir()
    for name in ("maker", "maker.pub"):
        shutil.copy(keys / name, tmp_path / "maker/state/keys" / name.replace("maker", "bundle"))

    home, site_side = blocks("Next time")
    said = at_home.types(home)
    shutil.move(tmp_path / "maker" / "delta-volumes", tmp_path / "there" / "disk")
    there.types(site_side)

    assert "zeta" in said
    assert tree(tmp_path / "there/state/bundle") == tree(tmp_path / "maker/state/bundle")
