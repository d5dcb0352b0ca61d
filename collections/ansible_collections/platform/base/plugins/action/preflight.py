"""Judge hosts by what components want of them: each by itself, and all beside each other."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.platform.base.plugins.module_utils.preflight_rules import looked
from ansible_collections.platform.base.plugins.module_utils.preflight_rules.model import Facts, Questions, WrongCheck
from ansible_collections.platform.base.plugins.module_utils.preflight_rules.registry import (
    COMPARISONS,
    FAILURE,
    Problem,
    accept,
    compare,
    judge,
    questions_of,
    told,
    unanswered,
)
from ansible_collections.platform.base.plugins.plugin_utils.preflight_wishes import AllWanted, Wishes

_PROBE = "platform.base.host_probe"
# Where what was found out stays for the tasks that follow, among the host's facts.
_FACTS = "platform_probe"


class ActionModule(ActionBase):  # type: ignore[misc]  # Ansible has no types
    """Asks a host what is not known of it yet, then judges."""

    _supports_check_mode = True
    _supports_async = False

    def __init__(self, *arguments: Any, **named: Any) -> None:
        """Begin with nothing known of any host."""
        super().__init__(*arguments, **named)
        self._variables: dict[str, Any] = {}

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what is wrong, as a failure; or as a report, where somebody collects the reports."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        known = task_vars or {}
        _, given = self.validate_argument_spec(
            {
                "components": {"type": "list", "elements": "str", "required": True},
                "judge": {"type": "bool", "default": True},
            }
        )
        wishes = Wishes(self._templar, self._loader, known)
        try:
            wanted = wishes.of_all(given["components"])
            facts = self._facts(known, wanted, result)
            problems = self._problems(known, wishes, wanted, facts) if given["judge"] else []
        except WrongCheck as error:
            raise AnsibleActionFail(str(error)) from error
        failures = [problem for problem in problems if problem["severity"] == FAILURE]
        result.update(changed=False, platform_report={"preflight": problems} if problems else {})
        result["warnings"] = [told([problem]) for problem in problems if problem["severity"] != FAILURE]
        if failures and not known.get("platform_preflight_collect"):
            result.update(failed=True, msg=told(failures))
        return result

    def _facts(self, known: Mapping[str, Any], wanted: AllWanted, result: dict[str, Any]) -> Facts:
        """Return what is known of the host, after asking it for what is not."""
        facts: Facts | None = known.get("ansible_facts", {}).get(_FACTS)
        left = unanswered(looked.joined(*map(questions_of, wanted.values())), facts)
        if facts is not None and (not left or looked.has_failed(facts)):
            return facts
        facts = looked.completed(facts, self._ask(left, facts is None, known))
        result["ansible_facts"] = {_FACTS: facts}
        return facts

    def _ask(self, questions: Questions, is_first: bool, known: Mapping[str, Any]) -> dict[str, Any]:
        """Run the probe; where root's rights are not to be had, without them."""
        arguments = {"questions": questions, "base": is_first}
        answer = self._run(arguments, known)
        if "facts" not in answer and self._connection.become is not None:
            self._connection.set_become_plugin(None)
            without = self._run(arguments, known)
            answer = without if "facts" in without else answer
        if "facts" not in answer:
            return looked.failure(str(answer.get("module_stderr") or answer.get("msg") or answer))
        found: dict[str, Any] = answer["facts"]
        return found

    def _run(self, arguments: dict[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
        began = time.time()
        try:
            answer: dict[str, Any] = self._execute_module(_PROBE, arguments, task_vars=dict(known))
        except AnsibleConnectionFailure:
            raise
        except AnsibleError as error:
            return {"msg": str(error)}
        if answer.get("unreachable"):
            raise AnsibleConnectionFailure(str(answer.get("msg")))
        if "facts" in answer:
            answer["facts"]["clock"] = looked.clock(answer["facts"]["now"], began, time.time())
        return answer

    def _problems(self, known: Mapping[str, Any], wishes: Wishes, wanted: AllWanted, facts: Facts) -> list[Problem]:
        host = str(known["inventory_hostname"])
        if looked.has_failed(facts):
            return looked.problems(host, facts)
        problems: list[Problem] = []
        for component, checks in wanted.items():
            found = judge(looked.judged(checks, facts), host, facts)
            everyone = {}
            if not COMPARISONS.keys().isdisjoint(checks):
                everyone = self._everyone(component, host, known, wishes)
            if everyone:
                found += compare(checks, everyone)
            problems += [{**problem, "component": component} for problem in found]
        return accept(problems, self._templar.template(known.get("platform_preflight_accepted", {})))

    def _everyone(self, component: str, host: str, known: Mapping[str, Any], wishes: Wishes) -> dict[str, Facts]:
        """Return what is known of each host a component looks at; only the first of them speaks for all."""
        found: dict[str, Facts] = {}
        for name in known["ansible_play_hosts"]:
            # The variables of a host are costly to put together.
            if name not in self._variables:
                self._variables[name] = known["hostvars"][name]
            variables = self._variables[name]
            facts = variables.get("ansible_facts", {}).get(_FACTS)
            if facts and not looked.has_failed(facts) and wishes.looks_at(component, variables["group_names"]):
                if not found and name != host:
                    return {}
                found[name] = facts
        return found
