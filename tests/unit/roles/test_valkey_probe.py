"""What verification of Valkey finds wrong, by what is answered."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.repository import role_folder
from tests.role_programs import loaded

probe = loaded(role_folder("valkey") / "library/valkey_probe.py")
USER = {"name": "shop", "namespace": "shop", "keys": "shop:*"}
REFUSED = "NOPERM No permissions"


class Door:
    """Answers as a Valkey that keeps its rules, but for what a test says."""

    def __init__(self, **answers: str) -> None:
        self._answers = answers
        self.said: list[str] = []

    def answers(self, said: Sequence[tuple[str, str]]) -> list[str]:
        self.said += [question for question, _ in said]
        right = {"NOPERM": REFUSED, "WRONGPASS": "WRONGPASS invalid username-password pair"}
        return [self._answers.get(question.split()[0], right.get(expected, expected)) for question, expected in said]


def test_a_valkey_that_keeps_its_rules_is_right() -> None:
    assert probe.use(Door(), {"shop": "secret"}, [USER]) == []


@pytest.mark.parametrize(
    ("question", "answer"),
    [("AUTH", "WRONGPASS"), ("FLUSHALL", "OK"), ("CONFIG", "maxmemory"), ("EVAL", "ERR unknown"), ("PING", "NOAUTH")],
)
def test_an_answer_that_is_not_as_it_must_be_is_named(question: str, answer: str) -> None:
    faults = probe.use(Door(**{question: answer}), {"shop": "secret"}, [USER])

    assert any(f"{question} was answered '{answer}'" in fault for fault in faults)


def test_what_is_wrong_tells_no_password() -> None:
    faults = probe.use(Door(AUTH="WRONGPASS"), {"shop": "secret"}, [USER])

    assert faults != []
    assert not any("secret" in fault for fault in faults)


def test_a_conversation_that_is_cut_off_is_wrong() -> None:
    assert list(probe.wrong([("PING", "PONG")], [])) == ["only 0 of 1 questions were answered"]


def test_a_user_keeps_to_its_own_keys() -> None:
    door = Door()

    probe.use(door, {"shop": "secret"}, [USER])

    assert any(question.startswith("SET shop:probe:") for question in door.said)
    assert any(question.startswith("SET stranger:") for question in door.said)
