"""Say what sets two bundles apart."""

from __future__ import annotations

from collections.abc import Callable

from installer.engine.difference import compare
from installer.engine.release import parse_release
from installer.model.bundle import Difference
from installer.workflows.bundle_verify import BundleReader, TrustedBundle


def diff_bundles(before: TrustedBundle, after: TrustedBundle) -> Difference:
    """Return items and bytes added, removed and changed from one bundle to another."""
    return compare(before.manifest.items, after.manifest.items)


def known_bundle(reader: BundleReader, who_signed: Callable[[bytes], str]) -> TrustedBundle:
    """Return a bundle that is only looked at: its signature counts, not its age.

    Raises:
        BundleRefused: it is not signed by anyone trusted, or its manifest is not the signed one.
    """
    text = reader.release_text()
    signer = who_signed(text)
    release = parse_release(text)
    return TrustedBundle(release, reader.manifest(release), signer)
