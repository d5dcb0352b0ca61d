"""The Vault lets in and refuses whom it should, which tokens show each time and pods now and then."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hvac.exceptions import Forbidden, InternalServerError, InvalidPath

from roles.vault_workloads.library import workload_secret_probe
from tests.fake_vault import FakeVault
from tests.unit.roles.cluster import Remembering

NOON = 1769860800.0
GIVEN = {
    "namespace": "platform-secrets", "image": "reader", "address": "https://192.0.2.100:8200",
    "audience": "platform-vault", "drill_hours": 24, "seconds": 0,
}  # fmt: skip


class ProbeFailed(Exception):
    """What the module would end with."""


class Vault(FakeVault):
    """Lets the platform in, and by its Kubernetes auth whoever has a token for it; each reads what is its own.

    Args:
        lax: whose secrets are read by anybody, or which tokens are good though they are another's.
        late: how many logins are refused, or not answered, before one is let in.
    """

    def __init__(self, lax: str = "", late: tuple[type[Exception], int] = (Forbidden, 0)) -> None:
        super().__init__()
        self.auth = self.kubernetes = self.token = self
        self.role = {"audience": "platform-vault", "token_policies": ["workload"]}
        self.lax, self.late = lax, late
        self.lacking, self.inside, self.unknown = "", 0, 0

    def read_role(self, name: str) -> dict[str, Any]:
        """Return what workloads log in by."""
        assert name == "workload"
        return self.role


class Visitor(FakeVault):
    """A client of somebody with a token."""

    def __init__(self, vault: Vault) -> None:
        super().__init__()
        self.auth = self.kubernetes = self.token = self
        self._vault, self._account = vault, ""
        self.held = vault.held

    def login(self, role: str, token: str) -> None:
        """Let those in whose token is made out to the Vault."""
        kind, left = self._vault.late
        self._vault.late = (kind, left - 1)
        account, _, audience = token.partition("@")
        if left > 0 or role != "workload":
            raise kind
        if audience != self._vault.role["audience"] and self._vault.lax != "audience":
            raise Forbidden
        self._account, self._vault.inside = account, self._vault.inside + 1

    def read_secret_version(self, path: str, mount_point: str, raise_on_deleted_version: bool) -> dict[str, Any]:
        """Let each read what is below its name."""
        if self._vault.lacking == self._account or (f"/{self._account}/" not in path and self._vault.lax != "paths"):
            raise Forbidden
        self._vault.unknown -= 1
        if self._vault.unknown >= 0:
            raise InvalidPath
        return super().read_secret_version(path, mount_point, raise_on_deleted_version)

    def revoke_self(self) -> None:
        """Let them in no more."""
        self._vault.inside -= 1


class Room:
    """The probe's namespace, in which pods tell what they are made to, or what they should.

    Args:
        vault: where they ask.
        told: what the owner's pod tells.
    """

    namespace = "platform-verify-vault-1"

    def __init__(self, vault: Vault, told: str = "") -> None:
        self.pods: set[str] = set()
        self.asked: list[str] = []
        self._vault, self._told = vault, told

    def create(self, document: dict[str, Any]) -> None:
        """Take what is asked for."""
        self.pods |= {item["metadata"]["name"] for item in document["items"] if item["kind"] == "Pod"}

    def run(self, *arguments: str) -> str:
        """Answer as kubectl does; a token says whose it is, and whom it is made out to."""
        self.asked.append(" ".join(arguments))
        if arguments[:2] == ("create", "token"):
            return f"{arguments[2]}@{arguments[3].removeprefix('--audience=')}\n"
        if arguments == ("logs", "owner"):
            (kept,) = self._vault.held.values()
            return self._told or f"value {kept['value']}\n"
        return "refused\n"

    def await_end(self, pod: str) -> None:
        """Find that a pod which was made has ended."""
        assert pod in self.pods

    def fail(self, message: str) -> None:
        """Fail as the module does."""
        raise ProbeFailed(message)


@pytest.fixture
def site() -> Remembering:
    return Remembering({})


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """Return the file of who the Vault is known by."""
    file = tmp_path / "ca.crt"
    file.write_text("a certificate")
    return file


def used(
    site: Remembering, authority: Path, vault: Vault | None = None, later: float = 0.0, told: str = "", **given: Any
) -> tuple[int, str]:
    """Verify, and return how many pods that took, and when the last ones asked."""
    vault = vault or Vault()
    place: Any = Room(vault, told)
    everything = {**GIVEN, "vault": {"ca_certificate": str(authority)}, **given}
    probe = workload_secret_probe.Probe(place, vault, lambda: Visitor(vault), everything)
    try:
        report = probe.use(site, lambda: NOON + later)
    finally:
        assert (vault.held, vault.inside) == ({}, 0), "what was kept, or who logged in, is still there"
    return len(place.pods), report["secret_practised"]


def test_what_pods_were_told_holds_good_for_a_day_and_its_moment_is_told(site: Remembering, authority: Path) -> None:
    first, second = used(site, authority), used(site, authority, later=80000)

    assert first[0] == 3
    assert second == (0, first[1])
    assert first[1].startswith("2026-01-31T12:00")


@pytest.mark.parametrize(
    ("role", "later", "given"),
    [
        ({"audience": "platform-vault", "token_policies": ["another"]}, 0, {}),
        (None, 0, {"image": "another"}),
        (None, 0, {"address": "https://192.0.2.101:8200"}),
        (None, 90000, {}),
        (None, 0, {"drill_hours": 0}),
    ],
    ids=["another role", "another image", "another address", "long ago", "thorough"],
)
def test_pods_ask_again(
    site: Remembering, authority: Path, role: dict[str, Any] | None, later: float, given: dict[str, Any]
) -> None:
    used(site, authority)
    vault = Vault()
    vault.role = role or vault.role

    assert used(site, authority, vault, later, **given)[0] == 3


def test_what_pods_should_not_have_been_told_is_not_remembered(site: Remembering, authority: Path) -> None:
    used(site, authority)

    with pytest.raises(ProbeFailed, match="owner pod did not get its secret: 'refused'"):
        used(site, authority, told="refused", drill_hours=0)

    assert used(site, authority)[0] == 3


@pytest.mark.parametrize(
    ("lax", "lacking", "wrong"),
    [
        ("", "owner", "owner token did not get its secret"),
        ("paths", "", "stranger token was not refused another's secret: 'value the secret itself'"),
        ("audience", "", "misdirected token was not refused another's secret: 'value the secret itself'"),
    ],
    ids=["the owner is refused", "a stranger is not", "another's token is good"],
)
def test_a_vault_that_does_not_tell_whom_it_should_fails_though_pods_asked_just_now(
    site: Remembering, authority: Path, lax: str, lacking: str, wrong: str
) -> None:
    used(site, authority)
    vault = Vault(lax)
    vault.lacking = lacking

    with pytest.raises(ProbeFailed, match=wrong):
        used(site, authority, vault)


@pytest.mark.parametrize("kind", [Forbidden, InternalServerError], ids=["refused", "no answer"])
def test_a_login_is_tried_again_while_there_is_time(
    site: Remembering, authority: Path, kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    used(site, authority)
    monkeypatch.setattr(workload_secret_probe, "_PAUSE", 0.0)

    # The first three are those of the first time all are asked.
    assert used(site, authority, Vault(late=(kind, 3)), seconds=60)[0] == 0


def test_a_secret_that_one_server_knows_late_is_asked_for_again(
    site: Remembering, authority: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used(site, authority)
    monkeypatch.setattr(workload_secret_probe, "_PAUSE", 0.0)
    vault = Vault()
    vault.unknown = 1

    assert used(site, authority, vault, seconds=60)[0] == 0


def test_no_secret_is_in_what_kubectl_is_asked(authority: Path) -> None:
    vault = Vault()
    place: Any = Room(vault)
    everything = {**GIVEN, "vault": {"ca_certificate": str(authority)}}

    workload_secret_probe.Probe(place, vault, lambda: Visitor(vault), everything).use(Remembering({}), lambda: NOON)

    assert "create token owner --audience=not-platform-vault --duration=10m" in place.asked
    assert not [line for line in place.asked if "@" in line]
