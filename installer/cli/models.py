"""Wires what is done with models before a bundle carries them."""

from __future__ import annotations

from pathlib import Path

from installer.adapters.bundle_directory import BundleDirectory
from installer.adapters.inventory_files.model_edits import put_model
from installer.adapters.inventory_files.models import canonical_licence, cure_of, fault_of, read_model_list
from installer.adapters.signing import verify
from installer.adapters.sources.model_folder import hash_model, require_fit
from installer.cli.wiring import Site
from installer.engine.models import changed_files, describe, locked_model, model_states
from installer.errors import BundleRefused, InvalidConfiguration, UsageError
from installer.model.artifact import LockedItem
from installer.model.events import Warned
from installer.model.models import LIST, ModelDescription, ModelEntry, ModelState
from installer.workflows.bundle_diff import known_bundle


class Models:
    """The models of one site."""

    def __init__(self, site: Site) -> None:
        """Work for one site; to look at a folder, none need be named."""
        self._site = site

    @property
    def path(self) -> Path:
        """Return where the site's list lies, or would."""
        return self._site.own_lock_path.with_name(LIST)

    def check(self, folder: Path) -> ModelDescription:
        """Return what lies in a folder.

        Raises:
            InvalidConfiguration: it is no whole model, or holds what is not carried; everything is listed.
        """
        found = require_fit(folder)
        return describe(found, hash_model(found, self._site.reporter))

    def add(self, folder: Path, fields: dict[str, str]) -> tuple[ModelEntry, bool]:
        """Add a model to the site's list, and return its entry and whether it was there before.

        Args:
            folder: its files.
            fields: what the list is to say of it: name, version, licence and others.

        Raises:
            UsageError: a field cannot be as it is.
            InvalidConfiguration: the folder is not fit, or is not what the lock pins of the same version.
        """
        _require_fields(fields)
        licence = canonical_licence(fields["licence"])
        entry = ModelEntry(**{**fields, "licence": licence}, directory=folder.resolve(), where=str(self.path))
        found = require_fit(entry.directory)
        lock = self._site.lock_if_any
        if lock is not None and (locked := locked_model(lock.items, entry)) is not None:
            if problems := changed_files(entry, locked, hash_model(found, self._site.reporter)):
                raise InvalidConfiguration(problems, "the model")
        return entry, put_model(self.path, entry)

    def states(self) -> tuple[ModelState, ...]:
        """Return how far each model of the site has come.

        Raises:
            InvalidConfiguration: the list has mistakes.
        """
        listed = read_model_list(self.path)
        if listed.mistakes:
            raise InvalidConfiguration(listed.mistakes, "the list of models")
        lock = self._site.lock_if_any
        return model_states(listed.entries, lock.items if lock else (), self._bundled())

    def _bundled(self) -> tuple[LockedItem, ...]:
        """Return what the bundle holds that lies where the site has it; nothing when there is none to be trusted."""
        directory = BundleDirectory(self._site.bundle)
        if directory.current() is None:
            return ()
        try:
            signers = self._site.allowed_signers
            return known_bundle(directory, lambda text: verify(text, directory.signature, signers)).manifest.items
        except BundleRefused as refusal:
            self._site.reporter.emit(Warned(f"The bundle is passed over: {refusal.summary}"))
            return ()


def _require_fields(fields: dict[str, str]) -> None:
    faults = {name: fault for name, value in fields.items() if value and (fault := fault_of(name, value))}
    faults |= {name: f"{name} is empty." for name in ("name", "version", "licence") if not fields[name]}
    if faults:
        raise UsageError(
            "The model cannot be named like this.",
            hint="Correct the options above.",
            details=[f"--{name.replace('_', '-')}: {fault} {cure_of(name)}" for name, fault in faults.items()],
        )
