"""What the suites of policies hold, and whether a cluster does as they say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import yaml
from ansible_collections.platform.base.plugins.module_utils.cluster_api import Answer, NotYet

_CREATED, _CONFLICT, _FORBIDDEN = 201, 409, 403
# A refusal names each constraint in brackets; what constraints say may have brackets of its own.
_EACH = re.compile(r"(?=\[[a-z0-9.-]+\] )")
_REFUSED = 'admission webhook "validation.gatekeeper.sh" denied the request'


class Case(NamedTuple):
    """A case of a policy's suite.

    Attributes:
        name: policy and case.
        policy: what its constraints' names begin with.
        document: what is offered.
        inventory: what is there beside it.
        message: what the refusal says, as a pattern; nothing when it is let pass.
    """

    name: str
    policy: str
    document: Mapping[str, Any]
    inventory: tuple[Mapping[str, Any], ...]
    message: str | None


def cases(files: Mapping[str, str]) -> Iterator[Case]:
    """Yield the cases of suites, each with the files it names."""
    read = {path: yaml.safe_load(text) for path, text in files.items()}
    for path, suite in sorted(read.items()):
        for test in suite["tests"] if PurePosixPath(path).name == "suite.yml" else ():
            folder = PurePosixPath(path).parent
            for case in test["cases"]:
                [expected] = case["assertions"]
                yield Case(
                    name=f"{test['name']}: {case['name']}",
                    policy=read[str(folder / test["constraint"])]["metadata"]["name"],
                    document=read[str(folder / case["object"])],
                    inventory=tuple(read[str(folder / name)] for name in case.get("inventory", ())),
                    message=expected.get("message"),
                )


def judge(case: Case, answer: Answer) -> None:
    """Compare what a cluster said to a case, in a namespace of the platform's, with what it shall say.

    Raises:
        NotYet: they differ.
    """
    said = f"{answer.status} {answer.text}".replace('\\"', '"')
    told = " ".join(answer.warnings)
    if answer.status not in (_CREATED, _CONFLICT) and _REFUSED not in said:
        raise NotYet(f"{case.name}: the cluster could not judge it: {said.strip()[-300:]}")
    if case.message is None and (answer.status == _FORBIDDEN or f"[{case.policy}-" in told):
        raise NotYet(f"{case.name}: it is not let pass: {told} {said.strip()[-500:]}")
    if case.message is not None and answer.status != _FORBIDDEN:
        raise NotYet(f"{case.name}: it is let pass.")
    # Others may have something against it, too.
    mine = [line for line in _EACH.split(said) if line.startswith(f"[{case.policy}-")]
    if case.message is not None and not any(re.search(case.message, line.partition("] ")[2]) for line in mine):
        raise NotYet(f"{case.name}: the cure is not told: {said.strip()[-500:]}")
