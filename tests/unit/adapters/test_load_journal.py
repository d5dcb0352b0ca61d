"""What of a bundle is in already."""

from __future__ import annotations

from pathlib import Path

import pytest

from installer.adapters.load_journal import LoadingFolder
from installer.engine.contents import blob_path
from installer.errors import BundleRefused
from installer.model.artifact import digest_of
from installer.model.volumes import Piece

RELEASE = digest_of(b"release")
CONTENT = b"0123456789"
BLOB = digest_of(CONTENT)


def begun(target: Path) -> LoadingFolder:
    """Return a load as a new process finds it."""
    loading = LoadingFolder(target)
    loading.resume(RELEASE)
    loading.begin(RELEASE, "site-1")
    return loading


def piece(begin: int, end: int) -> Piece:
    return Piece(BLOB, begin, end - begin, digest_of(CONTENT[begin:end]))


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "bundle"


def test_pieces_become_a_blob_in_any_order_and_over_several_commands(target: Path) -> None:
    begun(target).take_piece(piece(6, 10), "disk", [b"67", b"89"])
    loading = begun(target)
    loading.take_piece(piece(0, 6), "disk", [b"012345"])

    loading.join(BLOB, 10)

    assert (loading.root / "bundle" / blob_path(BLOB)).read_bytes() == CONTENT


def test_a_blob_with_a_gap_is_not_joined(target: Path) -> None:
    loading = begun(target)
    loading.take_piece(piece(6, 10), "disk", [b"6789"])

    loading.join(BLOB, 10)

    assert not loading.has_blob(BLOB, 10)


def test_a_piece_of_other_bytes_is_refused_and_not_counted(target: Path) -> None:
    loading = begun(target)

    with pytest.raises(BundleRefused, match="other bytes than were signed"):
        loading.take_piece(piece(0, 6), "disk", [b"forged"])

    assert not begun(target).has_piece(piece(0, 6))


def test_pieces_that_do_not_make_the_blob_are_dropped(target: Path) -> None:
    loading = begun(target)
    loading.take_piece(Piece(BLOB, 0, 10, digest_of(b"forged-one")), "disk", [b"forged-one"])

    with pytest.raises(BundleRefused, match="do not make the blob"):
        loading.join(BLOB, 10)

    again = begun(target)
    assert not again.has_piece(piece(0, 10))
    again.take_piece(piece(0, 10), "disk", [CONTENT])
    again.join(BLOB, 10)
    assert again.has_blob(BLOB, 10)


def test_a_line_of_the_journal_that_was_cut_short_does_not_count(target: Path) -> None:
    loading = begun(target)
    loading.take_piece(piece(0, 6), "disk", [b"012345"])
    journal = loading.root / "journal"
    journal.write_bytes(journal.read_bytes()[:-4])

    again = begun(target)

    assert not again.has_piece(piece(0, 6))
    again.take_piece(piece(0, 6), "disk", [b"012345"])
    assert begun(target).has_piece(piece(0, 6))


def test_a_file_takes_the_place_of_an_old_folder_and_the_other_way_round(target: Path) -> None:
    (target / "installer").mkdir(parents=True)
    (target / "installer" / "old").touch()
    (target / "apt").touch()
    loading = begun(target)
    for path in ("installer", "apt/index"):
        loading.take(path, digest_of(b"new"), 0o644, "disk", [b"new"])

    loading.move([])

    assert (target / "installer").read_bytes() == (target / "apt" / "index").read_bytes() == b"new"


def test_a_file_has_its_mode_before_it_has_its_name(target: Path) -> None:
    loading = begun(target)

    loading.take("installer/run", digest_of(b"new"), 0o755, "disk", [b"new"])

    assert (loading.root / "bundle" / "installer" / "run").stat().st_mode & 0o777 == 0o755


def test_what_is_in_is_told_from_what_only_looks_so(target: Path) -> None:
    blob = target / blob_path(BLOB)
    blob.parent.mkdir(parents=True)
    blob.write_bytes(b"9876543210")
    loading = begun(target)

    loading.keep({BLOB: 10}, 1, lambda *_: None)

    assert not loading.has_blob(BLOB, 10)
