"""The small Go module of ours that a released one is built from, as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from installer.model.artifact import GoModule, digest_of

LOCAL = "directory"
# Where a released module lies that files were added to.
ADDED_TO = "replaced/released"
_NAME = "platform.internal/programs"


def initial_module(spec: GoModule, upstream: Mapping[str, Any]) -> str:
    """Return the `go.mod` that Go completes.

    Args:
        upstream: what `go mod edit -json` says of the released module.
    """
    lines = [f"module {_NAME}", f"go {upstream['Go']}", f"require {spec.module} {spec.version}"]
    lines += [f"replace {line}" for line in _upstream_replacements(upstream, spec)]
    for path, value in sorted(spec.replace.items()):
        lines.append(f"replace {path} => " + (value.replace("@", " ") if "@" in value else f"./replaced/{value}"))
    if spec.additions:
        lines.append(f"replace {spec.module} => ./{ADDED_TO}")
    lines += [f"exclude {entry['Path']} {entry['Version']}" for entry in upstream.get("Exclude") or []]
    return "\n".join(lines) + "\n"


def own_replacements(spec: GoModule) -> tuple[str, ...]:
    """Return the folders below the role's `files/` that stand in for modules."""
    return tuple(value for _, value in sorted(spec.replace.items()) if "@" not in value)


def own_folders(spec: GoModule) -> tuple[str, ...]:
    """Return every folder below the role's `files/` that programs are made of."""
    own = (spec.module,) if spec.version == LOCAL else own_replacements(spec)
    return (*own, *sorted(spec.additions.values()))


def imports(spec: GoModule) -> str:
    """Return a source file that keeps the programs' packages in the build list."""
    packages = sorted({f"{spec.module}/{package}".removesuffix("/.") for package in spec.programs.values()})
    lines = "".join(f'\t_ "{package}"\n' for package in packages)
    return f"//go:build programs\n\npackage programs\n\nimport (\n{lines})\n"


def tree_digest(folder: Path) -> str:
    """Return the digest of a folder's files, by name and content."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return digest_of(b"".join(str(p.relative_to(folder)).encode() + b"\0" + p.read_bytes() + b"\0" for p in paths))


def _upstream_replacements(upstream: Mapping[str, Any], spec: GoModule) -> Iterator[str]:
    """Repeat the module's own replacements with released versions in place of its folders."""
    required = {entry["Path"]: entry["Version"] for entry in upstream.get("Require") or []}
    for entry in upstream.get("Replace") or []:
        old, new = entry["Old"], entry["New"]
        if old["Path"] in spec.replace:
            continue
        if not new["Path"].startswith((".", "/")):
            yield f"{old['Path']} {old.get('Version', '')} => {new['Path']} {new['Version']}"
        elif "staging" in new["Path"]:
            # Kubernetes releases its staging modules as v0.MINOR.PATCH.
            yield f"{old['Path']} => {old['Path']} v0.{spec.version.split('.', 1)[1]}"
        elif old["Path"] in required:
            yield f"{old['Path']} => {old['Path']} {required[old['Path']]}"
