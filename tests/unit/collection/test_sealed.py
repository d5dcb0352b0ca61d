"""A sealed file is opened by who knows its passphrase and its place, and by nobody when it was changed."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from ansible_collections.platform.base.plugins.module_utils.backup_set import ComponentFiles
from ansible_collections.platform.base.plugins.module_utils.sealed import SealBroken, sealing, unsealing

_PIECE = 1 << 20
_LABEL = "20260131T120000Z/vault/snapshot.sealed"


def sealed(path: Path, content: bytes, passphrase: str = "a passphrase", label: str = _LABEL) -> Path:
    with sealing(str(path), passphrase, label) as sealer:
        for begin in range(0, len(content), 70_000):
            sealer.write(content[begin : begin + 70_000])
    return path


def opened(path: Path, passphrase: str = "a passphrase", label: str = _LABEL) -> bytes:
    with unsealing(str(path), passphrase, label) as stream:
        return stream.read()


@pytest.mark.parametrize("size", [0, 1, _PIECE - 1, _PIECE, _PIECE + 1, 3 * _PIECE])
def test_what_was_sealed_is_opened(tmp_path: Path, size: int) -> None:
    content = bytes(number % 251 for number in range(size))

    assert opened(sealed(tmp_path / "file", content)) == content


def test_it_is_read_a_little_at_a_time(tmp_path: Path) -> None:
    path = sealed(tmp_path / "file", b"abc" * _PIECE)

    with unsealing(str(path), "a passphrase", _LABEL) as stream:
        parts = [stream.read(512_000) for _ in range(8)]

    assert b"".join(parts) == b"abc" * _PIECE
    assert {len(part) for part in parts[:6]} == {512_000}


def test_nothing_is_in_clear_and_the_owner_alone_reads_it(tmp_path: Path) -> None:
    path = sealed(tmp_path / "file", b"planted" * 1000)

    assert b"planted" not in path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_same_content_is_never_sealed_alike(tmp_path: Path) -> None:
    assert sealed(tmp_path / "a", b"same").read_bytes() != sealed(tmp_path / "b", b"same").read_bytes()


@pytest.mark.parametrize("place", [3, 20, 40, 100, _PIECE + 60, -1])
def test_a_changed_byte_is_noticed(tmp_path: Path, place: int) -> None:
    path = sealed(tmp_path / "file", b"x" * (2 * _PIECE))
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)

    with pytest.raises(SealBroken):
        opened(path)


@pytest.mark.parametrize("left", [0, 30, 41 + _PIECE + 16, 41 + _PIECE + 20])
def test_a_file_that_was_cut_off_is_noticed(tmp_path: Path, left: int) -> None:
    path = sealed(tmp_path / "file", b"x" * (2 * _PIECE))
    path.write_bytes(path.read_bytes()[:left])

    with pytest.raises(SealBroken):
        opened(path)


def test_pieces_that_changed_places_are_noticed(tmp_path: Path) -> None:
    path = sealed(tmp_path / "file", b"x" * (3 * _PIECE))
    content, piece = path.read_bytes(), _PIECE + 16
    path.write_bytes(
        content[:41] + content[41 + piece : 41 + 2 * piece] + content[41 : 41 + piece] + content[41 + 2 * piece :]
    )

    with pytest.raises(SealBroken, match="changed"):
        opened(path)


def test_another_passphrase_opens_nothing(tmp_path: Path) -> None:
    with pytest.raises(SealBroken, match="another passphrase"):
        opened(sealed(tmp_path / "file", b"secret"), passphrase="a guess")


def files_of(folder: Path, set_id: str, component: str) -> ComponentFiles:
    return ComponentFiles({"folder": str(folder), "id": set_id, "passphrase": "a passphrase"}, component)


@pytest.mark.parametrize(
    "place",
    [("20260201T120000Z", "vault", "a"), ("20260131T120000Z", "other", "a"), ("20260131T120000Z", "vault", "b")],
    ids=["another set", "another component", "another name"],
)
def test_a_file_of_another_place_is_refused(tmp_path: Path, place: tuple[str, str, str]) -> None:
    own, (set_id, component, name) = files_of(tmp_path, "20260131T120000Z", "vault"), place
    with own.sealing("a") as sealer:
        sealer.write(b"secret")
    other = files_of(tmp_path, set_id, component)
    Path(other.folder).mkdir(parents=True, exist_ok=True)
    (Path(other.folder) / name).write_bytes((Path(own.folder) / "a").read_bytes())

    with pytest.raises(SealBroken, match="another set"), other.unsealing(name) as stream:
        stream.read()


def test_what_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), sealing(str(tmp_path / "file"), "a passphrase", _LABEL) as sealer:
        sealer.write(b"half")
        raise KeyboardInterrupt

    assert list(tmp_path.iterdir()) == []
