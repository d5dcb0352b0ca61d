"""Programs made from released Go modules.

A small module of ours requires the released one and repeats its replacements, which Go ignores in a
dependency. `resolve` lets Go complete that module once; the lock keeps the result, and `build` turns
it into the same bytes anywhere: a pinned toolchain, trimmed paths, no build identifier. Programs are
kept by the hash of their inputs; compile caches are this project's own and can be dropped.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from installer.adapters.sources.go_command import Compilers, GoCommand
from installer.adapters.sources.go_modules import (
    ADDED_TO,
    LOCAL,
    imports,
    initial_module,
    own_folders,
    own_replacements,
    tree_digest,
)
from installer.adapters.sources.scratch import locked
from installer.model.artifact import GoLock, GoModule, digest_of

_C_TARGET = "x86_64-linux-gnu.2.31"  # the oldest C library of the supported systems is Ubuntu 22.04's 2.35
_RECIPE = 2  # raised when this module changes what it builds from the same inputs
# A compiler lives for seconds, and spends a sixth of them on freeing memory that the machine has to spare.
_COLLECT_LATE = {"GOGC": "off", "GOMEMLIMIT": "2GiB"}
# Each `go build` uses all cores while it compiles and one while it links.
_AT_ONCE = max(2, (os.cpu_count() or 2) // 4)


class GoPrograms:
    """Builds programs and keeps them by the hash of their inputs. May be used by several threads and processes."""

    def __init__(self, kept: Path, compilers: Compilers, command: GoCommand) -> None:
        """Keep programs in the folder `kept`."""
        self._kept = kept
        self._compilers = compilers
        self._command = command
        # Programs of one module share most packages: side by side, each would be compiled twice.
        self._turns: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._places = threading.BoundedSemaphore(_AT_ONCE)

    def module_directory(self, module: str, version: str) -> Path:
        """Download a released module and return its unpacked tree.

        Raises:
            ModuleUnavailable: the proxy does not hold it.
        """
        with self._command.workspace() as folder:
            return Path(self._download(module, version, folder)["Dir"])

    def resolve(self, spec: GoModule, files: Path) -> GoLock:
        """Return the complete build list of the module's programs.

        Args:
            files: the role's `files/`, where replacements of our own lie.
        """
        declared = self.declared(spec, files)
        if spec.version == LOCAL:
            return GoLock(declared, (), ())
        with self._module(spec, files, GoLock(declared, (), ())) as module:
            what = f"What {spec.module} {spec.version} is built from cannot be resolved"
            self._command.run(what, ["mod", "tidy", "-e"], module)
            sums = (module / "go.sum").read_text().splitlines()
            if spec.additions:
                # Go keeps no sum of what a folder stands in for.
                with self._command.workspace() as folder:
                    released = self._download(spec.module, spec.version, folder)
                sums.append(f"{spec.module} {spec.version} {released['Sum']}")
            return GoLock(declared, tuple((module / "go.mod").read_text().splitlines()), tuple(sums))

    def declared(self, spec: GoModule, files: Path) -> str:
        """Return the digest of what decides the build list."""
        folders = [tree_digest(files / value) for value in own_replacements(spec)]
        programs = sorted(spec.programs.values())
        facts = [_RECIPE, spec.module, spec.version, programs, sorted(spec.replace.items()), folders]
        if spec.additions:
            facts.append([sorted(spec.additions.items()), [tree_digest(files / name) for name in own_folders(spec)]])
        return digest_of(json.dumps(facts).encode())

    def inputs(self, spec: GoModule, program: str, lock: GoLock, files: Path, c_inputs: str | None) -> str:
        """Return the digest of everything that decides the program's bytes."""
        c_facts = [c_inputs] if c_inputs else []
        facts = {
            "recipe": _RECIPE,
            "go": self._compilers.go_digest,
            "c": [self._compilers.c_digest, _C_TARGET, *c_facts] if spec.cgo else [],
            "module": [spec.module, spec.version, spec.programs[program]],
            "tags": list(spec.tags),
            "stamp": dict(spec.stamp),
            "c_flags": list(spec.c_flags),
            "lock": [list(lock.go_mod), list(lock.go_sum)],
            "folders": [tree_digest(files / folder) for folder in sorted(own_folders(spec))],
            # Programs that want none keep what they were built with.
            **({"experiments": list(spec.experiments)} if spec.experiments else {}),
            **({"additions": sorted(spec.additions.items())} if spec.additions else {}),
        }
        return digest_of(json.dumps(facts, sort_keys=True).encode())

    def kept(self, inputs: str, program: str) -> Path | None:
        """Return the program of those inputs when it was built before."""
        path = self._kept / inputs.removeprefix("sha256:") / program
        return path if path.is_file() else None

    @contextmanager
    def turn(self, spec: GoModule, inputs: str) -> Iterator[None]:
        """Wait for a place to build in; no other thread or process builds those inputs meanwhile."""
        with self._turns[spec.module], self._places, locked(self._kept / f"{inputs.removeprefix('sha256:')}.lock"):
            yield

    def build(
        self, spec: GoModule, program: str, lock: GoLock, files: Path, inputs: str, c_root: Path | None = None
    ) -> Path:
        """Build a program and return it; the caller has the turn.

        Args:
            files: the role's `files/`.
            inputs: the digest of everything that decides its bytes.
            c_root: unpacked headers and libraries for a cgo program.

        Raises:
            ModuleUnavailable: the module proxy does not have what the lock names, or does not answer.
            ProgramNotBuilt: the compiler refused.
        """
        target = self._kept / inputs.removeprefix("sha256:") / program
        target.parent.mkdir(parents=True, exist_ok=True)
        with self._module(spec, files, lock) as module:
            output = module / ".output"
            self._compile(spec, program, module, output, c_root)
            whole = target.with_suffix(".new")
            shutil.move(output, whole)
            with whole.open("rb") as stream:
                os.fsync(stream.fileno())
            whole.replace(target)
        return target

    def _compile(self, spec: GoModule, program: str, module: Path, output: Path, c_root: Path | None) -> None:
        package = spec.programs[program]
        target = f"./{package}" if spec.version == LOCAL else f"{spec.module}/{package}".removesuffix("/.")
        values = {"version": spec.version, "bare_version": spec.version.removeprefix("v")}
        stamps = [f"-X '{name}={value.format(**values)}'" for name, value in sorted(spec.stamp.items())]
        linker = ["-s", "-w", "-buildid=", *(["-B none"] if spec.cgo else []), *stamps]
        # What the linker would leave out again need not be computed: a tenth of a build's time.
        compiler = "all=-dwarf=false"
        arguments = ["build", "-tags", ",".join(spec.tags), "-gcflags", compiler, "-ldflags", " ".join(linker)]
        what = f"The program {program} of {spec.module} {spec.version} cannot be built"
        environment = {
            "GOEXPERIMENT": ",".join(spec.experiments),
            **_COLLECT_LATE,
            **self._c_environment(spec, c_root),
        }
        self._command.run(what, [*arguments, "-o", str(output), target], module, environment)

    def _c_environment(self, spec: GoModule, c_root: Path | None) -> dict[str, str]:
        if not spec.cgo:
            return {"CGO_ENABLED": "0"}
        if self._compilers.c is None or c_root is None:
            raise ValueError(f"{spec.module} needs a C compiler and its libraries")
        libraries = c_root / "usr/lib/x86_64-linux-gnu"
        caches = str(self._command.caches / "c")
        return {
            "CGO_ENABLED": "1",
            "CC": f"{self._compilers.c} cc -target {_C_TARGET}",
            "CGO_CFLAGS": " ".join(["-O2", "-g0", f"-I{c_root}/usr/include", *spec.c_flags]),
            "CGO_LDFLAGS": f"-L{libraries}",
            "PKG_CONFIG_LIBDIR": str(libraries / "pkgconfig"),
            "PKG_CONFIG_SYSROOT_DIR": str(c_root),
            "ZIG_GLOBAL_CACHE_DIR": caches,
            "ZIG_LOCAL_CACHE_DIR": caches,
        }

    @contextmanager
    def _module(self, spec: GoModule, files: Path, lock: GoLock) -> Iterator[Path]:
        """Yield a folder with the module that builds the programs; it is gone afterwards."""
        with self._command.workspace() as folder:
            module = folder / "module"
            if spec.version == LOCAL:
                shutil.copytree(files / spec.module, module)
                yield module
                return
            module.mkdir()
            for path in own_replacements(spec):
                shutil.copytree(files / path, module / "replaced" / path)
            if spec.additions:
                self._add(spec, files, lock, module / ADDED_TO)
            if lock.go_mod:
                (module / "go.mod").write_text("\n".join(lock.go_mod) + "\n")
                (module / "go.sum").write_text("\n".join(lock.go_sum) + "\n")
            else:
                (module / "go.mod").write_text(self._initial_module(spec, folder))
            (module / "programs.go").write_text(imports(spec))
            yield module

    def _download(self, module: str, version: str, folder: Path) -> dict[str, str]:
        what = f"The Go module {module} {version} cannot be had"
        answer: dict[str, str] = json.loads(
            self._command.run(what, ["mod", "download", "-json", f"{module}@{version}"], folder)
        )
        return answer

    def _add(self, spec: GoModule, files: Path, lock: GoLock, target: Path) -> None:
        """Put the released module there, with the files that it lacks."""
        with self._command.workspace() as folder:
            (folder / "go.mod").write_text("module platform.internal/released\n")
            # With the sums beside it, Go refuses other bytes than were locked.
            (folder / "go.sum").write_text("".join(f"{line}\n" for line in lock.go_sum))
            released = Path(self._download(spec.module, spec.version, folder)["Dir"])
        shutil.copytree(released, target)
        for path, name in spec.additions.items():
            shutil.copytree(files / name, target / path, dirs_exist_ok=True)

    def _initial_module(self, spec: GoModule, folder: Path) -> str:
        tree = self.module_directory(spec.module, spec.version)
        what = f"The Go module {spec.module} {spec.version} cannot be read"
        upstream = self._command.run(what, ["mod", "edit", "-json", str(tree / "go.mod")], folder)
        return initial_module(spec, json.loads(upstream))
