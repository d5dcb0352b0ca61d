"""Approve a release at a later time, if it can be approved then: what is asked for, and what a timer does."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.audit_chain import AuditFailed, AuditLog
from ansible_collections.platform.base.plugins.module_utils.kubectl import Kubectl, KubectlFailed
from ansible_collections.platform.base.plugins.module_utils.model_states import (
    COPIES,
    MEASUREMENT,
    PERSON,
    models_in,
    state,
)
from ansible_collections.platform.base.plugins.module_utils.moments import as_moment, from_moment
from ansible_collections.platform.base.plugins.module_utils.release_acts import Refused, chosen
from ansible_collections.platform.base.plugins.module_utils.release_desk import Releases
from ansible_collections.platform.base.plugins.module_utils.release_people import released_by, require_another
from ansible_collections.platform.base.plugins.module_utils.release_schedules import (
    CANCELLED,
    EARLY,
    LATE,
    MADE,
    MISSED,
    REFUSED,
    WITHIN,
    Schedule,
    all_schedules,
    open_schedules,
)

# Who carries schedules out, beside the person who agreed.
TIMER = "timer"
# To the journal, as a notice.
_NOTICE = "<5>"
Now = Callable[[], float]


class Timetable:
    """The approvals of a site that are for a later time.

    Args:
        cluster: where the releases are.
        log: the audit log, in which they are written.
        given: the module's options.
        login: who logged in to this host.
        now: tells the time, in seconds since 1970.
    """

    def __init__(self, cluster: Kubectl, log: AuditLog, given: Mapping[str, Any], login: str, now: Now) -> None:
        self._cluster = cluster
        self._log = log
        self._given = given
        self._login = login
        self._now = now

    def listed(self) -> dict[str, Any]:
        """Return all schedules that the log has, the oldest first, and what time it is here."""
        entries, _ = self._log.read()
        return {"schedules": [one.told() for one in all_schedules(entries)], "now": self._moment()}

    def schedule(self, dry: bool) -> dict[str, Any]:
        """Write down that a release is agreed to for a later time, and return how its model is now.

        Raises:
            Refused: there is no such model, its time is over, or another is open.
            AuditFailed: it cannot be written down.
            KubectlFailed: the cluster does not tell how the model is.
        """
        told = self._told()
        if dry:
            self._require(told, self._log.read()[0])
            return {"model": told, "line": {}, "now": self._moment()}
        with self._log.to_oneself():
            people = self._require(told, self._log.known())
            line = self._log.append(self._entry(told, people))
        return {"model": told, "line": line, "now": self._moment()}

    def cancel(self, dry: bool) -> dict[str, Any]:
        """Write down that a schedule does not hold any more, and return it.

        Raises:
            Refused: none is open.
            AuditFailed: it cannot be written down.
        """
        name = self._given["model"]
        with self._log.to_oneself():
            found = [
                one for one in open_schedules(self._log.known()) if name in (one.model, f"{one.engine}/{one.model}")
            ]
            if not found:
                raise Refused(f"No approval of {name} is scheduled.", "See `platform-install model schedule --list`.")
            if len(found) > 1:
                names = " or ".join(f"{one.engine}/{one.model}" for one in found)
                raise Refused(f"{len(found)} engines have a schedule for {name}.", f"Name it {names}.")
            (schedule,) = found
            if not dry:
                who = {"who": self._given["who"], "login": self._login, "reason": self._given["reason"]}
                self._close(schedule, CANCELLED, "", who)
        return {"schedule": schedule.told(), "now": self._moment()}

    def carry_out(self) -> list[str]:
        """Do what it is time for, and return what became of it; what nobody looked at in time is not caught up.

        Raises:
            AuditFailed: the log cannot be read or written, so that nothing is done.
        """
        entries, verdict = self._log.read()
        due = [(one, one.when(self._now())) for one in open_schedules(entries)]
        told = []
        for schedule, when in due:
            if when == EARLY:
                continue
            if when == LATE:
                why = f"Nobody looked from {schedule.begins} to {schedule.ends}: the admin host or its timer was off."
                told.append(self._ended(schedule, MISSED, f"{why} It is not caught up."))
            elif verdict.broken is not None:
                why = f"Line {verdict.broken.line} of the audit log is not what was written: {verdict.broken.why}."
                told.append(self._ended(schedule, REFUSED, why))
            else:
                told.append(self._tried(schedule, when))
        return [line for line in told if line]

    def _tried(self, schedule: Schedule, when: str) -> str:
        """Agree to a release, and return what became of it; nothing while it may still become fit."""
        name = f"{schedule.engine}/{schedule.model}"
        given = {
            **self._given, "does": "approve", "model": name, "version": schedule.version, "who": schedule.who,
            "reason": schedule.reason, "alone": schedule.alone, "scheduled": schedule.made,
            "without_verdict": False, "measure_again": False,
        }  # fmt: skip
        try:
            Releases(self._cluster, self._log, given, TIMER).act(dry=False)
        except KubectlFailed as failure:
            return self._unless_open(schedule, when, f"The cluster did not answer: {failure}")
        except Refused as refusal:
            may_come = when == WITHIN and not schedule.once and self._may_come(schedule)
            return "" if may_come else self._unless_open(schedule, "", f"{refusal} {refusal.hint}")
        return f"{name}: {schedule.version} was let on, as {schedule.who} had scheduled"

    def _may_come(self, schedule: Schedule) -> bool:
        """Return whether a release may still become fit by itself within the window."""
        try:
            models = models_in(self._cluster, self._given["engines"])
            told = state(chosen(models, f"{schedule.engine}/{schedule.model}"))
        except (KubectlFailed, Refused):
            return False
        right = (told["release"] or {}).get("version") == schedule.version and not told["taken_back"]
        # One that waits for a person was refused as its copies are not all ready.
        return bool(right and told["waits_for"] in (MEASUREMENT, COPIES, PERSON))

    def _unless_open(self, schedule: Schedule, when: str, why: str) -> str:
        """Refuse a schedule, unless the attempt itself was written down, or another look follows."""
        now = [one for one in open_schedules(self._log.read()[0]) if one == schedule]
        if when == WITHIN or not now:
            return "" if now else f"{schedule.engine}/{schedule.model}: {why}"
        return self._ended(schedule, REFUSED, why)

    def _ended(self, schedule: Schedule, command: str, why: str) -> str:
        with self._log.to_oneself():
            self._close(schedule, command, why, {"who": schedule.who, "login": TIMER, "reason": schedule.reason})
        return f"{schedule.engine}/{schedule.model}: {command}: {why}"

    def _close(self, schedule: Schedule, command: str, note: str, who: Mapping[str, str]) -> None:
        self._log.append(
            {
                **who, "command": command, "engine": schedule.engine, "model": schedule.model, "from": "",
                "to": schedule.version, "note": note, "scheduled": schedule.made,
            }
        )  # fmt: skip

    def _told(self) -> dict[str, Any]:
        return state(chosen(models_in(self._cluster, self._given["engines"]), self._given["model"]))

    def _require(self, told: Mapping[str, Any], entries: list[dict[str, Any]]) -> str:
        """Return what the log notes of who released it.

        Raises:
            Refused: it cannot be scheduled.
        """
        given, name = self._given, told["model"]
        if from_moment(given["begins"]) <= self._now():
            raise Refused(
                f"{given['begins']} is over: by the clock of the admin host it is {self._moment()}.",
                "Name a later time, or agree now: `platform-install model approve`.",
            )
        for one in open_schedules(entries):
            if (one.engine, one.model) == (told["engine"], name):
                raise Refused(
                    f"{one.version} of {name} is scheduled for {one.begins} already, by {one.who}.",
                    f"Cancel that first: `platform-install model schedule {name} --cancel`.",
                )
        if not given["two_people"]:
            return ""
        releaser = released_by(entries, told["engine"], name, given["version"])
        # It may be released later than it is agreed to; who did is looked at again when its time has come.
        return require_another(given["who"], releaser, given["version"], given["alone"])

    def _entry(self, told: Mapping[str, Any], people: str) -> dict[str, str]:
        given = self._given
        how = "at the first look" if given["once"] else "at the first look at which it can be"
        return {
            "who": given["who"], "login": self._login, "command": MADE, "engine": told["engine"],
            "model": told["model"], "from": (told["stable"] or {}).get("version", ""), "to": given["version"],
            "reason": given["reason"], "note": f"From {given['begins']} to {given['ends']}, {how}. {people}".strip(),
            "begins": given["begins"], "ends": given["ends"], "once": "yes" if given["once"] else "no",
            "alone": given["alone"],
        }  # fmt: skip

    def _moment(self) -> str:
        return as_moment(self._now())


def main() -> None:
    """Carry out what it is time for, as the timer of the admin host has it."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--kubeconfig", required=True)
    parser.add_argument("--audit-log", required=True)
    parser.add_argument("--engines", required=True, type=json.loads)
    parser.add_argument("--two-people", action="store_true")
    asked = parser.parse_args()
    given = {"engines": asked.engines, "two_people": asked.two_people}
    timetable = Timetable(Kubectl(asked.kubeconfig), AuditLog(asked.audit_log), given, TIMER, time.time)
    try:
        for line in timetable.carry_out():
            print(f"{_NOTICE}{line}")
    except AuditFailed as failure:
        raise SystemExit(f"<3>{failure}") from failure


if __name__ == "__main__":
    main()
