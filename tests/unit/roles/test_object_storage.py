"""Access keys are made once, a probe that reads other bytes fails, and a new disk joins the database that is there."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.platform.base.plugins.module_utils.vault_site import VaultProblem

from tests.fake_vault import FakeVault
from tests.repository import role_folder
from tests.role_programs import loaded

KEYS = loaded(role_folder("object_storage") / "library/s3_keys.py")
PROBE = loaded(role_folder("object_storage") / "library/s3_probe.py")
START = loaded(role_folder("object_storage") / "files/start-metadata")


def wanted(**more: Any) -> dict[str, Any]:
    return {"owners": ["velero"], "place": {"url": "https://192.0.2.10:8333"}, "given": None, "formed": False, **more}


def test_keys_are_made_once() -> None:
    vault = FakeVault()

    first, second = KEYS.settle(vault, wanted(), False), KEYS.settle(vault, wanted(), False)

    assert (first["changed"], second["changed"]) == (True, False)
    assert first["access"] == second["access"]
    assert first["inner"] == second["inner"]
    assert set(first["access"]) == {"velero", "administrator"}
    assert vault.held["object_storage/velero"]["url"] == "https://192.0.2.10:8333"


def test_two_owners_have_two_keys() -> None:
    found = KEYS.settle(FakeVault(), wanted(owners=["velero", "models"]), False)["access"]

    assert len({found[owner]["secret_key"] for owner in found}) == 3


def test_check_mode_keeps_nothing() -> None:
    vault = FakeVault()

    result = KEYS.settle(vault, wanted(), True)

    assert result["changed"]
    assert vault.held == {}


def test_that_the_store_was_formed_is_told_from_the_next_run_on() -> None:
    vault = FakeVault()

    told = [KEYS.settle(vault, wanted(formed=formed), False)["formed"] for formed in (False, True, False)]

    assert told == [False, False, True]


def test_a_sites_own_keys_go_into_the_vault_and_stay_there() -> None:
    vault = FakeVault()
    text = "[velero]\naws_access_key_id = AKIA\naws_secret_access_key = half%of it\n"

    KEYS.settle(vault, wanted(given=text), False)
    later = KEYS.settle(vault, wanted(given=""), False)

    assert later["changed"] is False
    assert later["access"] == {"velero": {"access_key": "AKIA", "secret_key": "half%of it"}}
    assert set(vault.held) == {"object_storage/velero"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Nobody knows the access key of velero"),
        ("[velero]\naws_access_key_id = AKIA\n", "aws_secret_access_key"),
        ("no section", "The file of access keys is none"),
    ],
)
def test_what_is_wrong_with_a_sites_own_keys_is_told(text: str, said: str) -> None:
    with pytest.raises(VaultProblem, match=said):
        KEYS.settle(FakeVault(), wanted(given=text), False)


def test_keys_are_forgotten_with_the_data() -> None:
    vault = FakeVault()
    KEYS.settle(vault, wanted(), False)

    first, second = KEYS.forget(vault, ["velero"], False), KEYS.forget(vault, ["velero"], False)

    assert (first["changed"], second["changed"]) == (True, False)
    assert vault.held == {}


def test_strangers_share_nothing_with_an_owner_but_a_name() -> None:
    kinds = PROBE.strangers({"access_key": "AKIA", "secret_key": "right"})

    assert kinds["a wrong secret"]["access_key"] == "AKIA"
    assert kinds["a wrong secret"]["secret_key"] != "right"
    assert kinds["an unknown key"]["access_key"] != "AKIA"
    assert kinds["no key"] is None


MEMBERS = {"cp1": "https://192.0.2.11:9335", "cp2": "https://192.0.2.12:9335", "cp3": "https://192.0.2.13:9335"}


class Cluster:
    """What members of a database answer, and what they were asked to do."""

    def __init__(self, members: dict[str, str] | None) -> None:
        self.members = members
        self.asked: list[tuple[str, ...]] = []

    def __call__(self, endpoints: str, *arguments: str) -> str | None:
        assert "192.0.2.13" not in endpoints, "A host does not ask itself."
        assert endpoints.startswith("https://192.0.2.11:9334,")
        if self.members is None:
            return None
        if arguments[1] != "list":
            self.asked.append(arguments[1:])
            return ""
        listed = enumerate(self.members.items(), 10)
        return json.dumps({"members": [{"ID": n, "name": name.strip("-"), "peerURLs": [u]} for n, (name, u) in listed]})


@pytest.fixture
def _settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETCD_NAME", "cp3")
    monkeypatch.setenv("ETCD_INITIAL_CLUSTER", ",".join(f"{name}={url}" for name, url in MEMBERS.items()))
    monkeypatch.setenv("ETCD_ADVERTISE_CLIENT_URLS", "https://192.0.2.13:9334")


_ADDED = ("add", "cp3", "--peer-urls=https://192.0.2.13:9335")


@pytest.mark.usefixtures("_settings")
@pytest.mark.parametrize(
    ("members", "there", "asked"),
    [
        pytest.param(None, False, [], id="nobody answers"),
        pytest.param({**MEMBERS, "cp3": MEMBERS["cp3"]}, True, [("remove", "c"), _ADDED], id="its disk is new"),
        pytest.param(
            {"cp1": MEMBERS["cp1"], "cp2": MEMBERS["cp2"], "-": MEMBERS["cp3"]}, True, [], id="it never began"
        ),
        pytest.param(
            {"cp1": MEMBERS["cp1"], "cp2": MEMBERS["cp2"], "cp9": "https://192.0.2.19:9335"},
            True,
            [("remove", "c"), _ADDED],
            id="it takes another host's place",
        ),
    ],
)
def test_a_member_without_data_joins_who_is_there(
    members: dict[str, str] | None, there: bool, asked: list[tuple[str, ...]]
) -> None:
    cluster = Cluster(members)

    joined = START.join(cluster)

    assert joined is there
    assert cluster.asked == asked
