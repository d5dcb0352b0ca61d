"""Keys of callers are had as they are wanted, and a door that lets the wrong ones in is found out."""

from __future__ import annotations

import http.client
import json
from typing import Any

import pytest
from ansible_collections.platform.base.plugins.module_utils.web_door import Answer

from tests.fake_vault import FakeVault
from tests.repository import role_folder
from tests.role_programs import loaded

KEYS = loaded(role_folder("inference_gateway") / "library/gateway_keys.py")
PROBE = loaded(role_folder("inference_gateway") / "library/gateway_probe.py")
ONE, TWO = {"tenant": "radiology", "name": "reports"}, {"tenant": "pharmacy", "name": "orders"}
KEPT, RECORDS = "inference_gateway/keys", "inference_gateway/records"


def settled(client: FakeVault, *wanted: dict[str, str], check_mode: bool = False) -> dict[str, Any]:
    found: dict[str, Any] = KEYS.settle(client, list(wanted), check_mode)
    return found


def test_a_key_is_made_once() -> None:
    client = FakeVault()

    first, second = settled(client, ONE), settled(client, ONE)

    assert first["made"] == ["radiology/reports"]
    assert (second["changed"], second["made"]) == (False, [])
    assert json.dumps(first["records"]) == json.dumps(second["records"])


def test_the_gateway_knows_the_key_by_its_record() -> None:
    client = FakeVault()

    (record,) = settled(client, ONE)["records"]

    key = client.held[KEPT]["radiology/reports"]
    assert key not in json.dumps(record)
    assert key.split("_")[1] == record["id"]
    assert KEYS.hashlib.sha256(key.encode()).hexdigest() == record["hash"]
    assert (record["tenant"], record["revoked"]) == ("radiology", None)


def test_a_key_that_is_not_wanted_any_more_is_forgotten_and_others_stay() -> None:
    client = FakeVault()
    before = settled(client, ONE, TWO)["records"]

    after = settled(client, TWO)

    assert after["forgotten"] == ["radiology/reports"]
    assert after["records"] == [record for record in before if record["tenant"] == "pharmacy"]
    assert set(client.held[KEPT]) == set(client.held[RECORDS]) == {"pharmacy/orders"}


def test_half_a_key_is_made_anew() -> None:
    client = FakeVault()
    settled(client, ONE)
    del client.held[KEPT]["radiology/reports"]

    assert settled(client, ONE)["made"] == ["radiology/reports"]
    assert set(client.held[KEPT]) == {"radiology/reports"}


def test_check_mode_keeps_nothing() -> None:
    client = FakeVault()

    assert settled(client, ONE, check_mode=True)["changed"]
    assert client.held == {}


def test_all_keys_are_forgotten() -> None:
    client = FakeVault()
    settled(client, ONE)

    assert KEYS.forget(client, check_mode=False)["changed"]
    assert client.held == {}


def piece(text: str) -> str:
    return "data: " + json.dumps({"choices": [{"delta": {"content": text}}]})


class Door:
    """Answers as a gateway that is right, but for what a test says."""

    def __init__(self, **statuses: int) -> None:
        self._statuses = statuses
        self.limit = "600"
        self.pieces = [piece("he"), piece("llo"), "data: [DONE]"]

    def request(self, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> Answer:
        case, status = self._case(path, "Authorization" in headers, body)
        headers_back = http.client.HTTPMessage()
        headers_back["RateLimit-Limit"] = self.limit
        return Answer(self._statuses.get(case, status), headers_back, self._content(path, body))

    def _case(self, path: str, known: bool, body: bytes) -> tuple[str, int]:
        if path == "/metrics":
            return "metrics", 404
        if not known:
            return "stranger", 401
        if path == "/v1/models":
            return "models", 200
        if not body.startswith(b"{") or not body.endswith(b"}"):
            return "no_json", 422
        asked = json.loads(body)
        if "messages" not in asked:
            return "no_messages", 422
        return ("unknown", 404) if asked["model"] != "tiny" else ("asked", 200)

    def _content(self, path: str, body: bytes) -> bytes:
        if path == "/v1/models":
            return json.dumps({"data": [{"id": "tiny"}]}).encode()
        if b'"stream"' in body:
            return "\n\n".join(self.pieces).encode()
        return json.dumps({"choices": [{"message": {"content": "hello"}}]}).encode()


def faults(door: Door, *models: str) -> list[str]:
    given = {"models": {name: {} for name in models or ("tiny",)}, "limit": 600}
    found: list[str] = PROBE.tried(door, "aip_key", given, "hello")[0]
    return found


def test_a_door_that_is_right_has_no_faults() -> None:
    assert faults(Door()) == []


@pytest.mark.parametrize(
    ("case", "status", "said"),
    [
        ("stranger", 200, "who has no key was answered 200, and not 401"),
        ("unknown", 200, "a model that there is not was answered 200, and not 404"),
        ("no_messages", 500, "a body without messages was answered 500, and not 422"),
        ("no_json", 200, "a body that is no JSON was answered 200, and not 422"),
        ("metrics", 200, "its measures, asked from outside was answered 200, and not 404"),
        ("asked", 503, "tiny: a prompt was answered 503"),
    ],
)
def test_a_wrong_status_is_named(case: str, status: int, said: str) -> None:
    assert any(fault.startswith(said) for fault in faults(Door(**{case: status})))


def test_a_copy_that_counts_alone_is_found_out() -> None:
    door = Door()
    door.limit = "60"

    assert faults(door) == ["tiny: its limit is 60, and not 600: a copy counts alone, as Valkey does not answer it"]


def test_a_model_that_is_not_listed_is_named() -> None:
    assert "/v1/models does not name letters" in faults(Door(), "letters", "tiny")


@pytest.mark.parametrize(
    ("pieces", "said"),
    [
        ([piece("hello")], "tiny: the stream has no end"),
        ([piece("hallo"), "data: [DONE]"], "tiny: it says 'hello', and 'hallo' in pieces, at temperature 0"),
        (['data: {"error": "gone"}', "data: [DONE]"], "tiny: the stream tells of an error: gone"),
    ],
    ids=["no end", "other text", "error"],
)
def test_a_stream_that_is_not_the_answer_is_named(pieces: list[str], said: str) -> None:
    door = Door()
    door.pieces = pieces

    assert said in faults(door)
