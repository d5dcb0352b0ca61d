"""Wires the looks at a site's hosts before anything is changed."""

from __future__ import annotations

import os
from collections.abc import Sequence

from installer.adapters.ansible_runs import AnsibleRunner
from installer.adapters.journal import only_one
from installer.cli.wiring import PROJECT, Site
from installer.engine.given_files import lacking_files
from installer.engine.preflight import preflight_step
from installer.model.artifact import digest_of
from installer.model.preflight import PreflightReport
from installer.workflows.preflight import failure_of, look, warn


class Preflights:
    """The looks at one site's hosts."""

    def __init__(self, site: Site, limit: str = "") -> None:
        """Look at all hosts of a site, or at some."""
        self._site = site
        self._limit = limit

    def look(self, names: Sequence[str]) -> PreflightReport:
        """Look at the hosts of some components, whatever is deployed."""
        with only_one(self._site.state):
            return self._look(names)

    def require_ready(self, names: Sequence[str]) -> None:
        """Return when the hosts are ready for some components; whoever asks has the site to itself.

        Raises:
            PreflightFailed: a host is not ready; nothing was changed.
        """
        if names:
            report = self._look(names)
            warn(report, self._site.reporter)
            if error := failure_of(report):
                raise error

    def _look(self, names: Sequence[str]) -> PreflightReport:
        site = self._site
        components = [site.catalog[name] for name in names]
        step = preflight_step(components, site.inventory)
        if step is None:
            return PreflightReport(ok=True, components=(), findings=(), seconds=0.0)
        release = site.bundle / "RELEASE"
        digest = digest_of(release.read_bytes()) if release.exists() else ""
        environment = {**site.ansible_environment, "PLATFORM_RELEASE_DIGEST": digest}
        runner = AnsibleRunner(PROJECT, site.inventory_path, site.state / "runs", environment, self._limit)
        lacking = lacking_files(components, site.inventory, lambda path: path.is_file() and os.access(path, os.R_OK))
        return look(step, names, runner, site.carried, site.reporter, lacking)
