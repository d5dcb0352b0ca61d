"""RELEASE as text, and whether a release may be used now and here."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from pydantic import TypeAdapter, ValidationError

from installer.errors import BundleRefused
from installer.model.bundle import FORMAT, Release

_release = TypeAdapter(Release)
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_LINE = re.compile(r"(?P<key>[a-z-]+): (?P<value>\S.*)\Z")
_FIELDS = ("id", "sequence", "manifest", "manifest-size", "checksums", "minimum-tool", "created", "expires", "base")


def format_release(release: Release) -> bytes:
    """Return the text that is signed."""
    values = {
        "id": release.id,
        "sequence": release.sequence,
        "manifest": release.manifest,
        "manifest-size": release.manifest_size,
        "checksums": release.checksums,
        "minimum-tool": release.minimum_tool,
        "base": release.base or "none",
        "created": release.created.astimezone(UTC).strftime(_TIME),
        "expires": release.expires.astimezone(UTC).strftime(_TIME),
    }
    lines = [f"format: {FORMAT}", *(f"{key}: {value}" for key, value in values.items())]
    lines += [f"signed: {digest} {path}" for path, digest in sorted(release.signed.items())]
    return ("\n".join(lines) + "\n").encode()


def parse_release(text: bytes) -> Release:
    """Return what a RELEASE says.

    Raises:
        BundleRefused: the text is not a RELEASE this tool can read.
    """
    values: dict[str, str] = {}
    signed: dict[str, str] = {}
    for line in text.decode(errors="replace").splitlines():
        match = _LINE.match(line)
        if match is None or (match["key"] in values and match["key"] != "signed"):
            raise _unreadable(f"the line {line[:80]!r}")
        if match["key"] == "signed":
            digest, _, path = match["value"].partition(" ")
            signed[path] = digest
        else:
            values[match["key"]] = match["value"]
    if values.pop("format", None) != FORMAT:
        raise _unreadable(f"another format than {FORMAT}")
    if missing := [key for key in _FIELDS if key not in values]:
        raise _unreadable(f"no {missing[0]}")
    document = {key.replace("-", "_"): values[key] for key in _FIELDS}
    document["base"] = "" if values["base"] == "none" else values["base"]
    try:
        return _release.validate_python({**document, "signed": signed})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise _unreadable(f"{first['loc'][0]}: {first['msg']}") from error


def check_release(release: Release, now: datetime, seen_sequence: int, tool: str) -> None:
    """Refuse a release that must not be used now.

    Args:
        seen_sequence: the highest sequence the site has accepted, 0 for none.
        tool: this tool's version.

    Raises:
        BundleRefused: it has expired, is older than one seen, or needs a newer tool.
    """
    if now > release.expires:
        raise BundleRefused(
            f"The bundle {release.id} expired on {release.expires:%Y-%m-%d}; it is {now:%Y-%m-%d} here.",
            hint="Carry in a newer bundle; if this host's clock is wrong, set it.",
        )
    if release.sequence < seen_sequence:
        raise BundleRefused(
            f"The bundle {release.id} has the sequence {release.sequence}; this site has seen {seen_sequence}.",
            hint="An older bundle may bring back mended faults: use the newest one the site has.",
        )
    if _numbers(tool) < _numbers(release.minimum_tool):
        raise BundleRefused(
            f"The bundle {release.id} needs platform-install {release.minimum_tool} or newer; this is {tool}.",
            hint="Run the installer that the bundle carries in its folder installer/.",
        )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def _unreadable(what: str) -> BundleRefused:
    return BundleRefused(
        f"RELEASE cannot be read: it holds {what}.", hint="The medium is damaged or is no bundle; get it again."
    )
