"""Programs made from released Go modules.

A small module of ours requires the released one and repeats its replacements, which Go ignores in a
dependency. `resolve` lets Go complete that module once; the lock keeps the result, and `build` turns
it into the same bytes anywhere: a pinned toolchain, trimmed paths, no build identifier. Programs are
kept by the hash of their inputs; compile caches are this project's own and can be dropped.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from installer.adapters.process import CommandFailed, run
from installer.errors import PlatformError
from installer.model.artifact import GoLock, GoModule, digest_of

LOCAL = "directory"
_MODULE_NAME = "platform.internal/programs"
_C_TARGET = "x86_64-linux-gnu.2.31"  # the oldest C library of the supported systems is Ubuntu 22.04's 2.35
_RECIPE = 1  # raised when this module changes what it builds from the same inputs


class ModuleUnavailable(PlatformError):
    """The module proxy does not hold a module or a version."""


@dataclass(frozen=True)
class Compilers:
    """Where the pinned compilers lie, and what identifies them."""

    go: Path
    go_digest: str
    c: Path | None = None
    c_digest: str = ""


class GoPrograms:
    """Builds programs and keeps them by the hash of their inputs."""

    def __init__(self, cache: Path, compilers: Compilers) -> None:
        """Keep programs and compile caches below `cache`."""
        self._cache = cache
        self._compilers = compilers

    @property
    def compile_caches(self) -> Path:
        """Return the folder of everything that only saves time; it may be deleted."""
        return self._cache / "go"

    def module_directory(self, module: str, version: str) -> Path:
        """Download a released module and return its unpacked tree.

        Raises:
            ModuleUnavailable: the proxy does not hold it.
        """
        try:
            answer = self._go(["mod", "download", "-json", f"{module}@{version}"], self._workspace())
        except CommandFailed as error:
            raise _unavailable(module, version, error) from error
        return Path(json.loads(answer)["Dir"])

    def resolve(self, spec: GoModule, files: Path) -> GoLock:
        """Return the complete build list of the module's programs.

        Args:
            files: the role's `files/`, where replacements of our own lie.
        """
        declared = self.declared(spec, files)
        if spec.version == LOCAL:
            return GoLock(declared, (), ())
        with self._module(spec, files, GoLock(declared, (), ())) as module:
            try:
                self._go(["mod", "tidy", "-e"], module)
            except CommandFailed as error:
                raise _unavailable(spec.module, spec.version, error) from error
            return GoLock(
                declared,
                tuple((module / "go.mod").read_text().splitlines()),
                tuple((module / "go.sum").read_text().splitlines()),
            )

    def declared(self, spec: GoModule, files: Path) -> str:
        """Return the digest of what decides the build list."""
        folders = [_tree_digest(files / value) for _, value in sorted(spec.replace.items()) if "@" not in value]
        facts = [_RECIPE, spec.module, spec.version, sorted(spec.programs.values()), sorted(spec.replace.items()), folders]
        return digest_of(json.dumps(facts).encode())

    def inputs(self, spec: GoModule, program: str, lock: GoLock, files: Path, c_inputs: tuple[str, ...]) -> str:
        """Return the digest of everything that decides the program's bytes."""
        folders = [spec.module] if spec.version == LOCAL else [v for v in spec.replace.values() if "@" not in v]
        facts = {
            "recipe": _RECIPE,
            "go": self._compilers.go_digest,
            "c": [self._compilers.c_digest, _C_TARGET, *c_inputs] if spec.cgo else [],
            "module": [spec.module, spec.version, spec.programs[program]],
            "tags": list(spec.tags),
            "stamp": dict(spec.stamp),
            "c_flags": list(spec.c_flags),
            "lock": [list(lock.go_mod), list(lock.go_sum)],
            "folders": [_tree_digest(files / folder) for folder in sorted(folders)],
        }
        return digest_of(json.dumps(facts, sort_keys=True).encode())

    def build(self, spec: GoModule, program: str, lock: GoLock, files: Path, c_root: Path | None = None) -> Path:
        """Return the built program, building it unless it is kept already.

        Args:
            files: the role's `files/`.
            c_root: unpacked headers and libraries for a cgo program.

        Raises:
            CommandFailed: the compiler refused.
        """
        c_inputs = (c_root.name,) if c_root else ()
        kept = self._cache / "programs" / self.inputs(spec, program, lock, files, c_inputs).removeprefix("sha256:")
        target = kept / program
        kept.parent.mkdir(parents=True, exist_ok=True)
        with (kept.parent / f"{kept.name}.lock").open("w") as guard:
            fcntl.flock(guard, fcntl.LOCK_EX)
            if target.exists():
                return target
            with self._module(spec, files, lock) as module:
                output = module / ".output"
                self._compile(spec, program, module, output, c_root)
                kept.mkdir(exist_ok=True)
                shutil.move(output, target.with_suffix(".new"))
                target.with_suffix(".new").replace(target)
        return target

    def _compile(self, spec: GoModule, program: str, module: Path, output: Path, c_root: Path | None) -> None:
        package = spec.programs[program]
        target = f"./{package}" if spec.version == LOCAL else f"{spec.module}/{package}".removesuffix("/.")
        values = {"version": spec.version, "bare_version": spec.version.removeprefix("v")}
        stamps = [f"-X '{name}={value.format(**values)}'" for name, value in sorted(spec.stamp.items())]
        linker = ["-s", "-w", "-buildid=", *(["-B none"] if spec.cgo else []), *stamps]
        arguments = ["build", "-tags", ",".join(spec.tags), "-ldflags", " ".join(linker), "-o", str(output), target]
        self._go(arguments, module, self._c_environment(spec, c_root))

    def _c_environment(self, spec: GoModule, c_root: Path | None) -> dict[str, str]:
        if not spec.cgo:
            return {"CGO_ENABLED": "0"}
        if self._compilers.c is None or c_root is None:
            raise ValueError(f"{spec.module} needs a C compiler and its libraries")
        libraries = c_root / "usr/lib/x86_64-linux-gnu"
        return {
            "CGO_ENABLED": "1",
            "CC": f"{self._compilers.c} cc -target {_C_TARGET}",
            "CGO_CFLAGS": " ".join(["-O2", "-g0", f"-I{c_root}/usr/include", *spec.c_flags]),
            "CGO_LDFLAGS": f"-L{libraries}",
            "PKG_CONFIG_LIBDIR": str(libraries / "pkgconfig"),
            "PKG_CONFIG_SYSROOT_DIR": str(c_root),
            "ZIG_GLOBAL_CACHE_DIR": str(self.compile_caches / "c"),
            "ZIG_LOCAL_CACHE_DIR": str(self.compile_caches / "c"),
        }

    @contextmanager
    def _module(self, spec: GoModule, files: Path, lock: GoLock) -> Iterator[Path]:
        """Yield a folder with the module that builds the programs; it is gone afterwards."""
        with tempfile.TemporaryDirectory(dir=self._workspace()) as name:
            module = Path(name) / "module"
            if spec.version == LOCAL:
                shutil.copytree(files / spec.module, module)
                yield module
                return
            module.mkdir()
            for path in (value for value in spec.replace.values() if "@" not in value):
                shutil.copytree(files / path, module / "replaced" / path)
            if lock.go_mod:
                (module / "go.mod").write_text("\n".join(lock.go_mod) + "\n")
                (module / "go.sum").write_text("\n".join(lock.go_sum) + "\n")
            else:
                (module / "go.mod").write_text(self._initial_module(spec))
            (module / "programs.go").write_text(_imports(spec))
            yield module

    def _initial_module(self, spec: GoModule) -> str:
        tree = self.module_directory(spec.module, spec.version)
        upstream = json.loads(self._go(["mod", "edit", "-json", str(tree / "go.mod")], self._workspace()))
        lines = [f"module {_MODULE_NAME}", f"go {upstream['Go']}", f"require {spec.module} {spec.version}"]
        lines += [f"replace {line}" for line in _upstream_replacements(upstream, spec)]
        for path, value in sorted(spec.replace.items()):
            lines.append(f"replace {path} => " + (value.replace("@", " ") if "@" in value else f"./replaced/{value}"))
        lines += [f"exclude {entry['Path']} {entry['Version']}" for entry in upstream.get("Exclude") or []]
        return "\n".join(lines) + "\n"

    def _workspace(self) -> Path:
        workspace = self.compile_caches / "work"
        workspace.mkdir(parents=True, exist_ok=True)
        return workspace

    def _go(self, arguments: list[str], directory: Path, extra: Mapping[str, str] | None = None) -> bytes:
        environment = {
            "GOTOOLCHAIN": "local",
            "GOFLAGS": "-trimpath -buildvcs=false -modcacherw",
            "GOMODCACHE": str(self.compile_caches / "modules"),
            "GOCACHE": str(self.compile_caches / "build"),
            "GOENV": "off",
            "GOWORK": "off",
            "GOAMD64": "v1",
            "GOEXPERIMENT": "",
            "PATH": f"{self._compilers.go / 'bin'}:{os.environ.get('PATH', '')}",
            **(extra or {}),
        }
        return run([str(self._compilers.go / "bin" / "go"), *arguments], directory=directory, environment=environment)


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


def _imports(spec: GoModule) -> str:
    """Return a source file that keeps the programs' packages in the build list."""
    packages = sorted({f"{spec.module}/{package}".removesuffix("/.") for package in spec.programs.values()})
    lines = "".join(f'\t_ "{package}"\n' for package in packages)
    return f"//go:build programs\n\npackage programs\n\nimport (\n{lines})\n"


def _tree_digest(folder: Path) -> str:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return digest_of(b"".join(str(p.relative_to(folder)).encode() + b"\0" + p.read_bytes() + b"\0" for p in paths))


def _unavailable(module: str, version: str, error: CommandFailed) -> ModuleUnavailable:
    return ModuleUnavailable(
        f"The Go module {module} {version} cannot be had from the module proxy.",
        hint="Pin another version in the component's `go_modules`, or a `replace` for what is missing.",
        details=error.details,
    )
