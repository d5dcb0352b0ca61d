"""Wires what is asked of a site's models and their releases, on the admin host."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from installer.cli.admin_host import ask_admin_host
from installer.cli.wiring import Site
from installer.engine.releases import audit_of, model_schedule, model_state, require_agreed
from installer.model.releases import Audit, ModelSchedule, ModelState
from installer.workflows.follow_release import follow

# Of Ansible's own on a busy machine, beside what a module waits for.
_SECONDS = 120
_LOOK_SECONDS = 20


class Releases:
    """The models of one site; nobody waits for a run that is under way, which may take as long as a release."""

    def __init__(self, site: Site) -> None:
        """Work for one site, which must be up where it is a lab."""
        self._site = site
        if site.lab_name:
            site.lab_provider.require_up(site.lab)

    def look(self, model: str, other_than: str = "") -> tuple[tuple[ModelState, ...], str]:
        """Return how models are, as `Models` has it."""
        asked = {"does": "look", "model": model, "other_than": other_than, "seconds": _LOOK_SECONDS}
        said = require_agreed(self._ask("models.yml", {"models_asked": asked}))
        return tuple(model_state(told) for told in said["models"]), said["seen"]

    def act(self, does: str, model: str, reason: str, dry_run: bool, **further: bool | str) -> ModelState:
        """Let a release go on, or take it back, and return how the model was.

        Args:
            does: `approve` or `rollback`.
            reason: for the audit log.
            dry_run: whether only to see that it could be done.
            further: options of `approve`.

        Raises:
            UsageError: it does not fit how the model is.
            ComponentFailed: it could not be done, or nobody answers.
        """
        asked = {"does": does, "model": model, "reason": reason, "dry_run": dry_run, **further}
        return model_state(require_agreed(self._ask("models.yml", {"models_asked": asked}))["model"])

    def schedule(
        self, model: str, moments: tuple[str, str], dry_run: bool, asked: Mapping[str, str | bool]
    ) -> tuple[ModelState, str]:
        """Agree to a release for a later time, and return how the model is and what time the admin host has.

        Args:
            moments: from when, and until when, in UTC.
            dry_run: whether only to see that it could be done.
            asked: `version`, `reason`, `alone` and `once`.

        Raises:
            UsageError: it cannot be scheduled.
            ComponentFailed: it could not be done, or nobody answers.
        """
        begins, ends = moments
        about = {"does": "schedule", "model": model, "begins": begins, "ends": ends, "dry_run": dry_run, **asked}
        said = require_agreed(self._ask("models.yml", {"models_asked": about}))
        return model_state(said["model"]), said["now"]

    def cancel(self, model: str, reason: str, dry_run: bool) -> tuple[ModelSchedule, str]:
        """Take back what is scheduled for a model, and return it and what time the admin host has.

        Raises:
            UsageError: nothing is.
            ComponentFailed: it could not be done, or nobody answers.
        """
        about = {"does": "cancel", "model": model, "reason": reason, "dry_run": dry_run}
        said = require_agreed(self._ask("models.yml", {"models_asked": about}))
        return model_schedule(said["schedule"]), said["now"]

    def schedules(self) -> tuple[tuple[ModelSchedule, ...], str]:
        """Return all that was ever scheduled, the oldest first, and what time the admin host has.

        Raises:
            ComponentFailed: nobody answers.
        """
        said = self._ask("models.yml", {"models_asked": {"does": "schedules"}})
        return tuple(model_schedule(told) for told in said["schedules"]), said["now"]

    def follow(self, began: ModelState, *, back: bool, seconds: float) -> ModelState:
        """Return how a model is when its release is over."""
        return follow(self, began, back=back, reporter=self._site.reporter, clock=time.monotonic, seconds=seconds)

    def audit(self) -> Audit:
        """Return who moved releases.

        Raises:
            ComponentFailed: nobody answers.
        """
        return audit_of(self._ask("audit.yml", {}))

    def _ask(self, playbook: str, variables: Mapping[str, Any]) -> Mapping[str, Any]:
        whom, hint = "The admin host {host}", "See whether it and the cluster answer: `platform-install status`."
        return ask_admin_host(self._site, playbook, variables, _SECONDS, whom=whom, hint=hint)
