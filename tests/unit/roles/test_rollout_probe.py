"""Verification of rollouts waits for what must come, and names what came instead."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.platform.base.plugins.module_utils.kubectl import KubectlFailed

from tests.repository import role_folder
from tests.role_programs import loaded
from tests.unit.roles.cluster import Cluster

probe = loaded(role_folder("argo_rollouts") / "library/rollout_probe.py")
State = tuple[dict[str, Any], dict[str, int]]
GIVEN = {"image": "registry.example.com/agnhost:v1", "seconds": 10, "deadline_seconds": 5}


class Controller(Cluster):
    """Stands for a cluster whose controller moves on each time that somebody waits.

    Args:
        states: what the rollout comes to, one after another: its status, and its ready pods by release.
        answers_as: the pod that answers at the end.
    """

    def __init__(self, states: list[State], answers_as: str = "second-0") -> None:
        super().__init__({})
        self._states = iter(states)
        self.applied: list[dict[str, Any]] = []
        self._answers_as = answers_as
        self.each_wait = self._move
        self._move()

    def _move(self) -> None:
        status, ready = next(self._states)
        self.objects = {
            ("pods", f"{release}-{number}"): {
                "metadata": {"name": f"{release}-{number}", "labels": {"app": "probe", "revision": release}},
                "status": {"conditions": [{"type": "Ready", "status": "True"}]},
            }
            for release, count in ready.items()
            for number in range(count)
        }
        seen = {"observedGeneration": "1", **status}
        self.objects["rollouts.argoproj.io", "probe"] = {"metadata": {"generation": 1}, "status": seen}

    def apply(self, documents: Any, namespace: str) -> None:
        self.applied += documents

    def run(self, *arguments: str, document: Any = None, text: str | None = None) -> str:
        if "--raw" in arguments:
            return self._answers_as + "\n"
        if arguments[0] == "patch":
            self.asked.append(" ".join(arguments))
            return ""
        return super().run(*arguments, document=document)


GOOD: list[State] = [
    ({"phase": "Progressing"}, {"first": 1}),
    ({"phase": "Healthy"}, {"first": 2}),
    ({"phase": "Progressing"}, {"first": 2}),
    ({"phase": "Paused"}, {"first": 1, "second": 1}),
    ({"phase": "Progressing"}, {"first": 1, "second": 1}),
    ({"phase": "Healthy"}, {"second": 2}),
    ({"phase": "Progressing"}, {"second": 2}),
    ({"phase": "Degraded", "abort": True}, {"second": 2}),
]
NEVER: list[State] = [({"phase": "Progressing", "message": "more replicas need to be updated"}, {})] * 20


def test_what_is_released_and_taken_back_as_it_should_be_holds() -> None:
    cluster = Controller(GOOD)

    assert probe.use(cluster, GIVEN, "room") >= 0

    assert any("--subresource=status" in asked and "pauseConditions" in asked for asked in cluster.asked)


@pytest.mark.parametrize(
    ("states", "said"),
    [
        (NEVER, "two copies of the first release are healthy"),
        ([*GOOD[:2], *NEVER], "the second release has half of the copies, and waits"),
        ([*GOOD[:4], *NEVER], "the second release has all copies"),
        ([*GOOD[:6], *NEVER], "the release that does not work is taken back"),
    ],
    ids=["nothing runs", "it goes on without waiting", "it stays at the half", "nobody takes it back"],
)
def test_what_does_not_come_is_named(states: list[State], said: str) -> None:
    with pytest.raises(KubectlFailed, match=said) as caught:
        probe.use(Controller(states), GIVEN, "room")

    assert "more replicas need to be updated" in str(caught.value)


def test_a_status_of_an_earlier_wish_is_none() -> None:
    cluster = Controller([({"phase": "Healthy", "observedGeneration": "7"}, {})])

    assert probe.Release(cluster, "room", "image", 1).state() == {}


def test_an_answer_of_another_release_is_found() -> None:
    with pytest.raises(KubectlFailed, match="of the pod broken-0, which is not ready answers"):
        probe.use(Controller(GOOD, answers_as="broken-0"), GIVEN, "room")


def test_the_broken_release_is_asked_where_nobody_listens() -> None:
    asked = {
        revision: probe.rollout("image", revision, 5)["spec"]["template"]["spec"]["containers"][0]["readinessProbe"]
        for revision in (probe.SECOND, probe.BROKEN)
    }

    assert asked["second"]["tcpSocket"] != asked["broken"]["tcpSocket"]
