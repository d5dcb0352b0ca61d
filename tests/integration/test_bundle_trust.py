"""Our judgement of a bundle, and that of `verify.sh`, which needs nothing of ours."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from installer.adapters.bundle_directory import BundleDirectory
from installer.adapters.signing import sign, verify
from installer.errors import BundleRefused, ExitCode
from installer.workflows.bundle_verify import verify_bundle
from tests.bundles import TOOL, Maker, Told, flip

Make = Callable[[Path], Maker]
SCRIPT = Path(__file__).parents[2] / "installer/adapters/verify.sh"
SIZES = {"one": 3000, "two": 70_000}


@pytest.fixture(scope="session")
def good(signing_maker: Make, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return signing_maker(tmp_path_factory.mktemp("good")).build(sizes=SIZES)


@pytest.fixture
def bundle(good: Path, tmp_path: Path) -> Path:
    """Return a copy of the good bundle, to be damaged."""
    return shutil.copytree(good, tmp_path / "bundle")


def ours(bundle: Path, signers: Path) -> int:
    """Return the exit code of our own judgement."""
    directory = BundleDirectory(bundle)
    try:
        verify_bundle(
            directory,
            lambda text: verify(text, directory.signature, signers),
            0,
            TOOL,
            datetime.now(UTC),
            2,
            Told(),
            delta=True,
        )
    except BundleRefused as error:
        return error.exit_code
    return ExitCode.FINE


def theirs(bundle: Path, signers: Path) -> int:
    """Return the exit code of `verify.sh`, taken from a trusted place."""
    return subprocess.run(["sh", SCRIPT, signers, bundle], capture_output=True, check=False, timeout=60).returncode


def first_blob(bundle: Path) -> Path:
    return min((bundle / "oci/blobs/sha256").iterdir())


def line_less(bundle: Path) -> None:
    lines = (bundle / "SHA256SUMS").read_text().splitlines(keepends=True)
    (bundle / "SHA256SUMS").write_text("".join(lines[1:]))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def appended(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def swapped(bundle: Path) -> None:
    one, two = sorted((bundle / "oci/blobs/sha256").iterdir())
    one.rename(bundle / "x")
    two.rename(one)
    (bundle / "x").rename(two)


def linked(path: Path) -> None:
    path.rename(path.parent.parent / "elsewhere")
    path.symlink_to(path.parent.parent / "elsewhere")


def piped(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


MUTATIONS: dict[str, Callable[[Path], object]] = {
    **{
        f"flipped {name}": lambda bundle, name=name: flip(bundle / name)  # type: ignore[misc]
        for name in (
            "RELEASE",
            "RELEASE.sig",
            "manifest.json",
            "SHA256SUMS",
            "installer/run",
            "apt/bookworm/InRelease",
            "apt/bookworm/Packages",
            "oci/index.json",
            "verify.sh",
        )
    },
    **{
        f"missing {name}": lambda bundle, name=name: (bundle / name).unlink()  # type: ignore[misc]
        for name in ("RELEASE", "RELEASE.sig", "manifest.json", "SHA256SUMS", "installer/run", "apt/bookworm/InRelease")
    },
    "flipped blob": lambda bundle: flip(first_blob(bundle)),
    "first byte of a blob": lambda bundle: flip(first_blob(bundle), 0),
    "missing blob": lambda bundle: first_blob(bundle).unlink(),
    "blob cut by one byte": lambda bundle: cut(first_blob(bundle)),
    "empty blob": lambda bundle: emptied(first_blob(bundle)),
    "two blobs swapped": swapped,
    "empty signature": lambda bundle: emptied(bundle / "RELEASE.sig"),
    "last byte of the signature": lambda bundle: flip(
        bundle / "RELEASE.sig", (bundle / "RELEASE.sig").stat().st_size - 1
    ),
    "signature cut by one byte": lambda bundle: cut(bundle / "RELEASE.sig"),
    "line behind the signature": lambda bundle: appended(bundle / "RELEASE.sig", "more\n"),
    "line behind RELEASE": lambda bundle: appended(bundle / "RELEASE", "sequence: 99\n"),
    "line less in SHA256SUMS": line_less,
    "added file": lambda bundle: (bundle / "installer/more").touch(),
    "added hidden file": lambda bundle: (bundle / ".hidden").touch(),
    "added file with a newline": lambda bundle: (bundle / "installer/a\nb").touch(),
    "added blob": lambda bundle: (bundle / "oci/blobs/sha256" / ("0" * 64)).touch(),
    "added link": lambda bundle: (bundle / "installer/more").symlink_to("run"),
    "added link to a folder": lambda bundle: (bundle / "more").symlink_to("installer"),
    "blob replaced by a link to it": lambda bundle: linked(first_blob(bundle)),
    "RELEASE replaced by a link to it": lambda bundle: linked(bundle / "RELEASE"),
    "blob replaced by a pipe": lambda bundle: piped(first_blob(bundle)),
    "RELEASE replaced by a pipe": lambda bundle: piped(bundle / "RELEASE"),
}


@pytest.mark.parametrize("mutation", MUTATIONS.values(), ids=MUTATIONS)
def test_both_refuse_what_is_not_as_it_was_signed(bundle: Path, keys: Path, mutation: Callable[[Path], object]) -> None:
    mutation(bundle)

    assert (ours(bundle, keys / "allowed_signers"), theirs(bundle, keys / "allowed_signers")) == (7, 7)


def test_both_accept_a_good_bundle(bundle: Path, keys: Path) -> None:
    assert (ours(bundle, keys / "allowed_signers"), theirs(bundle, keys / "allowed_signers")) == (0, 0)


def test_both_accept_what_changes_no_byte(bundle: Path, keys: Path) -> None:
    (bundle / "empty folder").mkdir()
    os.utime(bundle / "RELEASE", (0, 0))

    assert (ours(bundle, keys / "allowed_signers"), theirs(bundle, keys / "allowed_signers")) == (0, 0)


def resigned(bundle: Path, arguments: list[str]) -> None:
    (bundle / "RELEASE.sig").unlink()
    subprocess.run(
        ["ssh-keygen", "-q", "-Y", "sign", *arguments, str(bundle / "RELEASE")], check=True, capture_output=True
    )


def test_both_refuse_a_key_nobody_trusts(bundle: Path, keys: Path) -> None:
    resigned(bundle, ["-f", str(keys / "stranger"), "-n", "platform-bundle"])

    assert (ours(bundle, keys / "allowed_signers"), theirs(bundle, keys / "allowed_signers")) == (7, 7)


def test_both_refuse_a_signature_for_another_purpose(bundle: Path, keys: Path) -> None:
    resigned(bundle, ["-f", str(keys / "maker"), "-n", "file"])

    assert (ours(bundle, keys / "allowed_signers"), theirs(bundle, keys / "allowed_signers")) == (7, 7)


@pytest.mark.parametrize(
    "line", ['maker@example.com namespaces="file" {key}', "", "# {key}", "{key}"],
    ids=["trusted for another purpose", "nobody", "a comment", "no name"],
)  # fmt: skip
def test_both_refuse_a_signer_who_is_not_trusted_for_bundles(
    bundle: Path, keys: Path, tmp_path: Path, line: str
) -> None:
    key = " ".join((keys / "maker.pub").read_text().split()[:2])
    signers = tmp_path / "signers"
    signers.write_text(line.format(key=key) + "\n")

    assert (ours(bundle, signers), theirs(bundle, signers)) == (7, 7)


def test_both_refuse_an_expired_bundle(signing_maker: Make, keys: Path, tmp_path: Path) -> None:
    maker = signing_maker(tmp_path)
    bundle = replace(maker, now=maker.now - timedelta(days=91)).build(sizes=SIZES)

    assert (ours(bundle, keys / "allowed_signers"), theirs(bundle, keys / "allowed_signers")) == (7, 7)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda b, _: (b / "RELEASE.sig").unlink(), "not signed"),
        (lambda b, k: resigned(b, ["-f", str(k / "stranger"), "-n", "platform-bundle"]), "No signer that"),
        (lambda b, k: resigned(b, ["-f", str(k / "maker"), "-n", "file"]), "does not fit|No signer"),
        (lambda b, _: flip(b / "RELEASE"), "does not fit"),
        (lambda b, _: flip(b / "RELEASE.sig"), "damaged|does not fit|No signer"),
    ],
    ids=["unsigned", "wrong key", "wrong namespace", "changed text", "changed signature"],
)
def test_a_refused_signature_says_why_and_what_to_do(
    bundle: Path, keys: Path, change: Callable[[Path, Path], object], reason: str
) -> None:
    change(bundle, keys)

    with pytest.raises(BundleRefused, match=reason) as caught:
        verify((bundle / "RELEASE").read_bytes(), bundle / "RELEASE.sig", keys / "allowed_signers")

    assert caught.value.hint


def test_every_flipped_bit_of_a_signature_is_refused(keys: Path, tmp_path: Path) -> None:
    signature = sign(b"text\n", keys / "maker")
    accepted = []

    for place in range(len(signature)):
        changed = bytearray(signature)
        changed[place] ^= 1
        (tmp_path / "signature").write_bytes(changed)
        try:
            verify(b"text\n", tmp_path / "signature", keys / "allowed_signers")
        except BundleRefused:
            continue
        accepted.append(place)

    assert accepted == []


def test_verify_sh_of_the_bundle_itself_runs_where_it_lies(bundle: Path, keys: Path) -> None:
    done = subprocess.run(
        ["sh", str(bundle / "verify.sh"), str(keys / "allowed_signers")], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout.split(",")[0]) == (0, "good: site-bundle")
