"""What an operator is told at a run's end, and where it is kept."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from installer import __version__
from installer.adapters.report_files import keep_report
from installer.adapters.state_folder import kubeconfig_end
from installer.cli.commands.common import again, of_whole_site
from installer.cli.console import plain
from installer.cli.wiring import Site
from installer.engine.contents import blob_path
from installer.engine.site_status import Record, expiries_of
from installer.engine.versions import version_of
from installer.model.report import RunReport
from installer.workflows.bundle_verify import TrustedBundle


class Reports:
    """The reports of one site."""

    def __init__(self, site: Site) -> None:
        """Work for one site."""
        self._site = site

    def keep(self, report: RunReport, bundle: TrustedBundle | None = None) -> RunReport:
        """Complete a report by what the operator needs next, write it down, and return it."""
        site = self._site
        catalog = site.whole_catalog
        names = [item.component for item in report.plan.components]
        known = self.known_ends()
        if bundle is not None:
            known["the bundle"] = f"{bundle.release.expires:%Y-%m-%d}"
        steps = [
            {"component": name.rpartition(" ")[0], "results": result.results} for name, result in report.steps.items()
        ]
        whole = replace(
            report,
            facts={**report.facts, **self._facts(bundle)},
            versions={name: version_of(catalog[name], site.lock_if_any) for name in names if name in catalog},
            expiries=expiries_of(Record(steps=steps), {}, known),
        )
        whole = replace(whole, next_steps=tuple(self._next_steps(whole)))
        page = keep_report(site.state / "reports", whole, {"tool": __version__, **plain(whole)})
        return replace(whole, facts={**whole.facts, "report": str(page)})

    def known_ends(self) -> dict[str, str]:
        """Return what the state folder knows to end by itself, with the day."""
        kubeconfig = self._site.state_place / "kubeconfig"
        end = kubeconfig_end(kubeconfig)
        return {f"the access in {kubeconfig}": end} if end else {}

    def _next_steps(self, report: RunReport) -> Iterator[str]:
        if not report.ok:
            yield f"When what failed is mended, go on with: {self._again(report)}"
        elif "kubectl" in report.facts:
            yield f"Look at the cluster: {report.facts['kubectl']} get nodes"
            yield f"See how it fares, at any time: {of_whole_site(self._site, 'status')}"
        for expiry in report.expiries[:1]:
            yield f"Nothing ends by itself before {expiry.on}: {expiry.what}."

    def _again(self, report: RunReport) -> str:
        return again(self._site, *([] if report.command == "install" else [report.command]))

    def _facts(self, bundle: TrustedBundle | None) -> dict[str, str]:
        site = self._site
        facts = {"state": str(site.state)}
        if bundle is not None:
            expires = f"{bundle.release.expires:%Y-%m-%d}"
            facts |= {"bundle": bundle.release.id, "signed_by": bundle.signer, "bundle_expires": expires}
        kubeconfig = site.state / "kubeconfig"
        if kubeconfig.exists():
            facts["kubeconfig"] = str(kubeconfig)
            facts["kubectl"] = str(self._kubectl(kubeconfig))
        if site.lab_name:
            status = site.lab_provider.status(site.lab)
            facts["packets_that_left_the_lab"] = str(status.left_bridge + sum(host.left_host for host in status.hosts))
        return facts

    def _kubectl(self, kubeconfig: Path) -> Path:
        """Write a kubectl that reaches the cluster from where the operator sits."""
        lock = self._site.lock_if_any
        digest = next(item.digest for item in lock.items if item.name == "kubectl") if lock else ""
        program = self._site.state / "bin" / "kubectl-program"
        program.parent.mkdir(mode=0o700, exist_ok=True)
        blob = self._site.bundle / blob_path(digest)
        if not program.exists() or program.stat().st_size != blob.stat().st_size:
            program.write_bytes(blob.read_bytes())
            program.chmod(0o755)
        inside = self._site.lab_provider.inside_command(self._site.lab, []) if self._site.lab_name else []
        wrapper = program.with_name("kubectl")
        command = shlex.join([*inside, str(program), "--kubeconfig", str(kubeconfig)])
        wrapper.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        wrapper.chmod(0o755)
        return wrapper
