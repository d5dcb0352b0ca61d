"""Who may ask: keys that are made, revoked and expire, tokens of a provider, tenants and their models."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from inference_gateway.cli import main
from inference_gateway.keys import KeyRing, make_key, read_keys, write_keys

from tests.conftest import Start
from tests.processes import GatewayProcess, ValkeyProcess, wait_until
from tests.stub_engine import StubEngine

ISSUER, AUDIENCE = "https://login.example.com", "inference"


@dataclass(frozen=True)
class Outcome:
    """What a command said and how it ended."""

    code: int
    said: str
    complained: str


Command = Callable[..., Outcome]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    def run(*arguments: str | Path, config: Path | None = None) -> Outcome:
        monkeypatch.setenv("INFERENCE_GATEWAY_CONFIG", str(config or ""))
        code = 0
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as ended:
            code = int(ended.code or 0)
        return Outcome(code, *capsys.readouterr())

    return run


def test_nobody_asks_without_a_key(plain: GatewayProcess) -> None:
    good = plain.key
    for key in ("none", "aip_", f"{good}x", good[:-1], good.upper(), good.replace("aip_", "aip_0")):
        reply = plain.chat(key=key)

        assert reply.status == 401
        assert reply.headers["www-authenticate"].startswith("Bearer")


def test_a_key_is_made_used_and_revoked(command: Command, start: Start, valkey: ValkeyProcess) -> None:
    gateway = start(valkey={"url": valkey.url})
    config = gateway.folder / "config.yaml"

    made = command("keys", "create", "bank", "--note", "for the test", config=config)
    key = made.said.strip()
    wait_until(lambda: gateway.chat(key=key).status == 200)
    revoked = command("keys", "revoke", key.split("_")[1], config=config)

    assert (made.code, revoked.code) == (0, 0), made.complained + revoked.complained
    wait_until(lambda: gateway.chat(key=key).status == 401)
    assert gateway.chat().status == 200
    listed = command("keys", "list", config=config).said
    assert "revoked" in listed
    assert "for the test" in listed


def test_a_revocation_is_known_where_the_file_is_not_yet(
    command: Command, start: Start, valkey: ValkeyProcess, tmp_path: Path
) -> None:
    gateway = start(valkey={"url": valkey.url})
    elsewhere = tmp_path / "elsewhere.json"
    write_keys(elsewhere, read_keys(tmp_path / "keys.json"))

    command("keys", "revoke", gateway.key.split("_")[1], "--file", elsewhere, config=gateway.folder / "config.yaml")

    wait_until(lambda: gateway.chat().status == 401)


def test_a_key_is_kept_as_a_hash_for_its_owner_alone(command: Command, tmp_path: Path) -> None:
    made = command("keys", "create", "clinic", "--file", tmp_path / "keys.json")

    key, file = made.said.strip(), tmp_path / "keys.json"
    assert key.split("_", 2)[2] not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "audit.jsonl").stat().st_mode & 0o777 == 0o600
    assert key not in (tmp_path / "audit.jsonl").read_text()


def test_acts_are_recorded_and_a_change_is_found(command: Command, tmp_path: Path) -> None:
    file, audit = tmp_path / "keys.json", tmp_path / "audit.jsonl"
    first = command("keys", "create", "clinic", "--file", file).said.strip()
    command("keys", "create", "bank", "--file", file)
    command("keys", "revoke", first.split("_")[1], "--file", file)

    good = command("audit", "verify", audit)
    lines = audit.read_text().splitlines()
    audit.write_text("\n".join([lines[0].replace("clinic", "casino"), *lines[1:]]) + "\n")
    changed = command("audit", "verify", audit)
    audit.write_text("\n".join([lines[0], lines[2]]) + "\n")
    shortened = command("audit", "verify", audit)

    assert good.said.startswith("3 acts")
    assert [json.loads(line)["act"] for line in lines] == ["key created", "key created", "key revoked"]
    assert (changed.code, shortened.code) == (6, 6)
    assert ":2 does not follow" in changed.complained


def test_mistakes_of_the_command_are_named(command: Command, tmp_path: Path) -> None:
    unknown = command("keys", "revoke", "000000000000", "--file", tmp_path / "keys.json")
    (tmp_path / "keys.json").write_text("{")
    damaged = command("keys", "list", "--file", tmp_path / "keys.json")

    assert (unknown.code, damaged.code) == (3, 3)
    assert "has no key '000000000000'" in unknown.complained
    assert "holds no API keys" in damaged.complained


def test_a_key_that_is_over_opens_nothing() -> None:
    now = datetime.now(UTC)

    key, record = make_key("clinic", now, 1, "")
    found = KeyRing([record]).find(key)

    assert found is not None
    assert found.is_good(now + timedelta(hours=23))
    assert not found.is_good(now + timedelta(hours=25))


def test_a_tenant_sees_its_own_models(start: Start, stub: StubEngine) -> None:
    models = {name: {"url": stub.url} for name in ("stub", "secret")}
    gateway = start(models=models, tenants={"clinic": {}, "bank": {"models": ["stub"]}})

    listed = [model["id"] for model in gateway.get("/v1/models", gateway.other_key).json["data"]]
    asked = gateway.chat(key=gateway.other_key, model="secret")
    missing = gateway.chat(key=gateway.other_key, model="none")

    assert listed == ["stub"]
    assert gateway.chat(model="secret").status == 200
    assert (asked.status, missing.status) == (404, 404)
    assert asked.json["error"]["message"].replace("secret", "none") == missing.json["error"]["message"]


@pytest.fixture
def provider(tmp_path: Path) -> tuple[ec.EllipticCurvePrivateKey, Path]:
    """A provider's key, and the file of its public keys."""
    private = ec.generate_private_key(ec.SECP256R1())
    publish(tmp_path / "jwks.json", one=private)
    return private, tmp_path / "jwks.json"


def publish(file: Path, **keys: ec.EllipticCurvePrivateKey) -> None:
    """Write a provider's public keys."""
    described = [
        {**json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key())), "kid": key_id, "alg": "ES256", "use": "sig"}
        for key_id, key in keys.items()
    ]
    new = file.with_suffix(".new")
    new.write_text(json.dumps({"keys": described}))
    new.replace(file)


def token(private: ec.EllipticCurvePrivateKey, key_id: str = "one", **changed: Any) -> str:
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "tenant": "clinic", "exp": int(time.time()) + 3600}
    claims = {name: value for name, value in {**claims, **changed}.items() if value is not None}
    return jwt.encode(claims, private, algorithm="ES256", headers={"kid": key_id})


class Served(ThreadingHTTPServer):
    """A folder over HTTP, that knows how often it was asked and may have a bad day."""

    def __init__(self, folder: Path) -> None:
        self.asked, self.broken = 0, False
        served = self

        class Quiet(SimpleHTTPRequestHandler):
            def do_GET(self) -> None:
                served.asked += 1
                if served.broken:
                    self.send_error(500)
                else:
                    super().do_GET()

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """The folder of the test, over HTTP."""
    server = Served(tmp_path)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_tokens_of_the_provider_are_taken(
    start: Start, provider: tuple[ec.EllipticCurvePrivateKey, Path], served: Served
) -> None:
    private, file = provider
    settings = {
        "issuer": ISSUER,
        "audience": AUDIENCE,
        "jwks_url": f"http://127.0.0.1:{served.server_port}/{file.name}",
    }
    gateway = start(jwt=settings, limits={"requests": 2, "replicas": 1})
    stranger = ec.generate_private_key(ec.SECP256R1())
    unsigned = jwt.encode({"iss": ISSUER, "sub": "ada", "tenant": "clinic"}, "", algorithm="none")

    good = [gateway.chat(key=token(private)).status for _ in range(3)]
    other = gateway.chat(key=token(private, sub="bob"))
    bad = {
        "expired": gateway.chat(key=token(private, exp=int(time.time()) - 60)).status,
        "issuer": gateway.chat(key=token(private, iss="https://else.example.com")).status,
        "audience": gateway.chat(key=token(private, aud="mail")).status,
        "no tenant": gateway.chat(key=token(private, tenant=None)).status,
        "no end": gateway.chat(key=token(private, exp=None)).status,
        "stranger": gateway.chat(key=token(stranger)).status,
        "unsigned": gateway.chat(key=unsigned).status,
        "no token": gateway.chat(key="a.b.c").status,
    }

    assert good == [200, 200, 429]
    assert other.status == 200
    assert set(bad.values()) == {401}, bad
    assert gateway.chat(key=token(private, tenant="casino")).status == 403


def test_a_provider_may_change_its_keys(
    start: Start, provider: tuple[ec.EllipticCurvePrivateKey, Path], served: Served
) -> None:
    old, file = provider
    new = ec.generate_private_key(ec.SECP256R1())
    url = f"http://127.0.0.1:{served.server_port}/{file.name}"
    gateway = start(moved=True, jwt={"issuer": ISSUER, "audience": AUDIENCE, "jwks_url": url})

    def status(private: ec.EllipticCurvePrivateKey, key_id: str, subject: str) -> int:
        # Each subject is a token of its own: one that was good a moment ago is not judged again.
        return gateway.chat(key=token(private, key_id, sub=subject)).status

    before = status(old, "one", "a")
    publish(file, one=old, two=new)
    at_once, asked_at_once = status(new, "two", "b"), served.asked
    gateway.move(11)
    both = [status(new, "two", "c"), status(old, "one", "d")]
    asked_in_between = served.asked
    publish(file, two=new)
    gateway.move(301)
    after = [status(old, "one", "e"), status(new, "two", "f")]
    served.broken = True
    gateway.move(301)
    without_provider = status(new, "two", "g")

    assert before == 200
    # Strangers with invented keys cannot make the provider be asked all the time.
    assert (at_once, asked_at_once) == (401, 1)
    assert (both, asked_in_between) == ([200, 200], 2)
    assert (after, without_provider) == ([401, 200], 200)
    assert served.asked == 4


def test_tokens_wait_for_the_providers_keys(start: Start, provider: tuple[ec.EllipticCurvePrivateKey, Path]) -> None:
    settings = {"issuer": ISSUER, "audience": AUDIENCE, "jwks_url": "http://127.0.0.1:9/keys"}
    gateway = start(jwt=settings)

    reply = gateway.chat(key=token(provider[0]))

    assert reply.status == 503
    assert "retry-after" in reply.headers
    assert gateway.chat().status == 200
