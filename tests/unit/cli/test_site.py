"""Every command has its site by `Site`, so what is refused here is refused everywhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from installer.cli.options import Common
from installer.cli.wiring import Site
from installer.errors import InvalidConfiguration
from installer.model.events import Event
from tests.unit.cli.small_site import HOSTS


class Silence:
    def emit(self, event: Event) -> None:
        pass


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))


def site_of(folder: Path, more: str = "", lenient: bool = False) -> Site:
    (folder / "group_vars").mkdir()
    (folder / "hosts.yml").write_text(HOSTS + more)
    return Site(Common(inventory=str(folder)), Silence(), lenient)


def test_an_inventory_without_mistakes_is_returned(tmp_path: Path) -> None:
    assert set(site_of(tmp_path).inventory.hosts) == {"admin1", "cp1"}


def test_an_inventory_with_mistakes_is_refused_whatever_is_asked_of_it_first(tmp_path: Path) -> None:
    site = site_of(tmp_path, "    platform_without: nothing\n    platform_nmae: one\n")

    for ask in (lambda: site.catalog, lambda: site.lab, lambda: site.key):
        with pytest.raises(InvalidConfiguration) as caught:
            ask()
        assert len(caught.value.problems) == 2


def test_what_runs_can_be_stopped_although_the_inventory_has_mistakes(tmp_path: Path) -> None:
    site = site_of(tmp_path, "    platform_nmae: one\n", lenient=True)

    assert set(site.inventory.hosts) == {"admin1", "cp1"}


def test_a_lock_that_is_needed_is_told_together_with_all_other_mistakes(tmp_path: Path) -> None:
    site = site_of(tmp_path, "    platform_nmae: one\n")

    with pytest.raises(InvalidConfiguration) as caught:
        _ = site.lock

    assert [problem.where for problem in caught.value.problems] == [
        f"{tmp_path}/bundle.lock.json",
        f"{tmp_path}/hosts.yml:12",
    ]


def test_a_damaged_lock_is_refused(tmp_path: Path) -> None:
    site = site_of(tmp_path)
    (tmp_path / "bundle.lock.json").write_text("{")

    with pytest.raises(InvalidConfiguration) as caught:
        _ = site.lock

    assert caught.value.problems[0].where == f"{tmp_path}/bundle.lock.json"


def test_an_admin_host_elsewhere_has_its_own_place_for_the_bundle(tmp_path: Path) -> None:
    assert site_of(tmp_path).carried == {}


def test_an_operator_who_sits_at_the_admin_host_has_the_bundle_there(tmp_path: Path) -> None:
    site = site_of(tmp_path)
    hosts = tmp_path / "hosts.yml"
    hosts.write_text(hosts.read_text().replace("192.0.2.5}", "192.0.2.5, ansible_connection: local}"))

    assert site.carried == {"platform_bundle": str(site.bundle)}
