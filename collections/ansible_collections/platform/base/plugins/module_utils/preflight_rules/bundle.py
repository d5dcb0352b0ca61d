"""Rules on the bundle, and on what a host has of an earlier one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.preflight_rules.model import (
    Check,
    Facts,
    Finding,
    Questions,
    answer,
    asks_for,
    listed,
    version_of,
)

_FORMAT = "pib/1"
# Folders that systemd hides from services which have `ProtectHome=`.
_HIDDEN = ("/home", "/root", "/run/user")


def bundle_on_admin(facts: Facts, folder: str, digest: str = "") -> Iterator[Finding]:
    """Everything the platform installs comes out of the bundle the command has verified, and no other.

    `digest` is that of its `RELEASE`; empty when nothing has verified one.
    """
    found = answer(facts, "bundles", folder)
    kind = found["release"].get("format", "")
    if kind != _FORMAT:
        what = f"a bundle of format {kind!r}" if kind else "no bundle"
        yield Finding(f"has {what} in {folder}.", "Mount or load it there, or correct `platform_bundle`.")
    elif digest and found["digest"] != digest:
        yield Finding(
            f"has the bundle {found['release'].get('id', '')} in {folder}, which is not the one that was verified.",
            "Give the admin host the same bundle as the command.",
        )


def bundle_in_date(facts: Facts, folder: str) -> Iterator[Finding]:
    """An expired bundle lacks fixes, and a clock that says so wrongly breaks certificates."""
    release = answer(facts, "bundles", folder)["release"]
    now = datetime.fromtimestamp(facts["now"], UTC)
    created, expires = _time(release.get("created")), _time(release.get("expires"))
    if created and now < created:
        yield Finding(
            f"has its clock at {now:%Y-%m-%d %H:%M} UTC, before its bundle was made ({created:%Y-%m-%d}).",
            "Set the clock.",
        )
    if expires and now > expires:
        yield Finding(
            f"has a bundle that expired on {expires:%Y-%m-%d}, by its clock.", "Build a newer one, or set the clock."
        )


def bundle_matches_lock(facts: Facts, folder: str, paths: Sequence[str]) -> Iterator[Finding]:
    """What the inventory's lock names and the bundle lacks is missed in the middle of an installation.

    `paths` are below `folder`.
    """
    if not answer(facts, "bundles", folder)["release"]:
        return
    missing = [path for path in paths if answer(facts, "files", f"{folder}/{path}") < 0]
    if missing:
        yield Finding(
            f"lacks {len(missing)} of the {len(paths)} things in {folder} that the inventory's lock names.",
            "Build a bundle of this lock, and load it whole.",
        )


def bundle_readable(facts: Facts, folder: str) -> Iterator[Finding]:
    """The servers of packages and images are not root, and do not see homes."""
    closed = answer(facts, "bundles", folder)["closed"]
    if folder.startswith(tuple(f"{hidden}/" for hidden in _HIDDEN)):
        yield Finding(f"keeps the bundle in {folder}, which services do not see.", "Move it, to /srv for instance.")
    elif closed:
        yield Finding(f"keeps the bundle below {closed}, which only some may enter.", f"Run `chmod o+x {closed}`.")


def bundle_covers_release(facts: Facts, releases: Sequence[str], folder: str = "") -> Iterator[Finding]:
    """Packages of another release do not install.

    On the host that has the bundle, `folder` is where its repositories are looked for.
    """
    codename = facts["release"]["codename"]
    if codename not in releases:
        yield Finding(
            f"runs {codename or 'an unknown release'}; the bundle has packages for {listed(releases)}.",
            "Add it to `platform_debian_targets`, and lock and build the bundle.",
        )
    if folder and (bundle := answer(facts, "bundles", folder))["release"]:
        missing = [release for release in releases if release not in bundle["repositories"]]
        if missing:
            yield Finding(f"has no packages for {listed(missing)} in {folder}.", "Build a bundle of this inventory.")


def bundle_covers_python(facts: Facts, pythons: Sequence[str]) -> Iterator[Finding]:
    """Libraries are compiled for one version of Python each."""
    scope = "python" + ".".join(map(str, facts["python"]))
    if scope not in pythons:
        yield Finding(
            f"has {scope}; the bundle has libraries for {listed(pythons) or 'none'}.",
            "Add its release to `platform_debian_targets`, and lock and build the bundle.",
        )


def upgrade_step(facts: Facts, program: str, version: str) -> Iterator[Finding]:
    """Kubernetes goes up one minor version at a time, and never down."""
    found = answer(facts, "versions", program)
    old, new = version_of(found), version_of(version)
    if len(old) < 2 or len(new) < 2:
        return
    if new < old:
        yield Finding(
            f"has {found}, newer than the bundle's {version}.", "Use a bundle of that version or a later one."
        )
    elif new[0] != old[0] or new[1] - old[1] > 1:
        yield Finding(
            f"has {found}; {version} is more than one minor version away.",
            f"Upgrade by way of {old[0]}.{old[1] + 1} first.",
        )


def _time(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None
    except ValueError:
        return None


def _asks_blobs(given: Mapping[str, Any]) -> Questions:
    return {"bundles": [given["folder"]], "files": [f"{given['folder']}/{path}" for path in given["paths"]]}


CHECKS = (
    Check(bundle_on_admin, asks_for("bundles", "folder")),
    Check(bundle_in_date, asks_for("bundles", "folder")),
    Check(bundle_matches_lock, _asks_blobs),
    Check(bundle_readable, asks_for("bundles", "folder")),
    Check(bundle_covers_release, asks_for("bundles", "folder")),
    Check(bundle_covers_python),
    Check(upgrade_step, asks_for("versions", "program")),
)
