"""What a role's deployment asks of a cluster: its own tasks, run before a stand-in for kubectl."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.playbooks import play
from tests.repository import PROJECT
from tests.site_rendering import SITE, made_up_lock

# Keeps what is applied, and tells it back as a cluster would; of everything else it keeps the question.
_KUBECTL = """#!/bin/sh
case " $* " in
*" apply "*) tee -a "$ASKED/applied"; echo >>"$ASKED/applied" ;;
*" get --filename=- "*) cat >/dev/null ;;
*" --output=json "*) echo '{"items": []}' ;;
*) echo "$*" >>"$ASKED/questions" ;;
esac
"""


class Asked(NamedTuple):
    """What a cluster was asked.

    Attributes:
        objects: what it was given, in this order.
        questions: everything else, as kubectl was called.
    """

    objects: list[dict[str, Any]]
    questions: list[str]


def deployed(role: str, folder: Path, images: Sequence[str] = (), **variables: Any) -> Asked:
    """Return what deploying a role asks of a cluster that has nothing yet, in the example of a site.

    Args:
        folder: where to work.
        images: what the bundle has beside the catalogue's images.
        variables: go before the inventory's.
    """
    (folder / "bin").mkdir()
    (folder / "bin" / "kubectl").write_text(_KUBECTL)
    (folder / "bin" / "kubectl").chmod(0o755)
    (folder / "kubeconfig").write_text("")
    own = {"platform_kubeconfig": str(folder / "kubeconfig"), "platform_audit_log": str(folder / "audit" / "log")}
    group = json.dumps({"platform_verb": "deploy", **own, **variables})
    playbook = {
        "name": role, "hosts": "admin", "connection": "local", "gather_facts": False, "roles": [role],
        "vars": {"ansible_python_interpreter": sys.executable, "ansible_remote_tmp": str(folder / "tmp")},
    }  # fmt: skip
    play(
        folder, playbook, SITE, "--extra-vars", group,
        PLATFORM_LOCK=str(made_up_lock(folder, *images)), ANSIBLE_ROLES_PATH=str(PROJECT / "roles"), ASKED=str(folder),
        PATH=f"{folder / 'bin'}:{os.environ['PATH']}",
    )  # fmt: skip
    given, questions = folder / "applied", folder / "questions"
    lists = [json.loads(line) for line in given.read_text().splitlines() if line] if given.exists() else []
    objects = [item for document in lists for item in document["items"]]
    return Asked(objects, questions.read_text().splitlines() if questions.exists() else [])
