"""The platform's object storage, seen from the hosts."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
from testinfra.host import Host

testinfra_hosts = ["ansible://control_plane?force_ansible=True"]

PARTS = ("metadata", "master", "volume", "gateway", "balancer", "watch")
FOLDER = "/etc/platform/object_storage"


def known(host: Host) -> Any:
    """Return the host's variables."""
    return host.ansible.get_variables()


def status_of(host: Host, address: str, port: int, path: str) -> str:
    """Return what an S3 answers to somebody without a key."""
    program = (
        "import http.client, ssl, sys;"
        "c = http.client.HTTPSConnection(sys.argv[1], int(sys.argv[2]), timeout=5,"
        " context=ssl.create_default_context(cafile='/etc/platform/ca.crt'));"
        "c.request('GET', sys.argv[3]); print(c.getresponse().status)"
    )
    return str(host.check_output(shlex.join(["python3", "-c", program, address, str(port), path])))


@pytest.mark.parametrize("part", PARTS)
def test_every_part_runs_and_comes_back(host: Host, part: str) -> None:
    assert host.service(f"platform-object-{part}").is_running
    assert host.service(f"platform-object-{part}").is_enabled


@pytest.mark.parametrize("part", PARTS)
def test_every_part_runs_as_nobody_in_particular(host: Host, part: str) -> None:
    process = host.check_output("systemctl show --property=MainPID --value platform-object-%s", part)

    assert host.check_output("stat --format=%%u /proc/%s", process) != "0"


def test_the_gateway_and_the_common_address_answer(host: Host) -> None:
    port = known(host)["object_storage_port"]

    assert status_of(host, known(host)["platform_address"], port + 1, "/healthz") == "200"
    assert status_of(host, known(host)["platform_api_address"], port, "/healthz") == "200"


def test_nobody_lists_buckets_without_a_key(host: Host) -> None:
    port = known(host)["object_storage_port"]

    assert status_of(host, known(host)["platform_api_address"], port, "/") in ("403", "405")
    assert status_of(host, known(host)["platform_api_address"], port, "/platform-verify?list-type=2") == "403"


def test_no_part_answers_in_clear(host: Host) -> None:
    # A TLS server tells whoever speaks in clear that it does not understand, or nothing.
    program = """
import http.client, sys
for port in sys.argv[2:]:
    connection = http.client.HTTPConnection(sys.argv[1], int(port), timeout=5)
    try:
        connection.request("GET", "/")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException):
        status = 400
    assert status == 400, (port, status)
"""
    address = known(host)["platform_address"]
    listeners = [line.split() for line in host.check_output("ss -H -ltnp").splitlines()]
    own = [place for *_, place, _, process in listeners if '"weed"' in process or '"object-storage' in process]
    ports = sorted(place.rpartition(":")[2] for place in own if place.startswith(f"{address}:"))

    tried = host.run(shlex.join(["python3", "-c", program, address, *ports]))

    assert len(ports) >= 10, own
    assert tried.rc == 0, tried.stderr


def test_only_root_reads_the_keys(host: Host) -> None:
    assert host.file(FOLDER).mode == 0o700
    for name in ("inner.key", "s3.key", "s3.json", "gateway.security.toml"):
        assert host.file(f"{FOLDER}/{name}").mode == 0o600
    assert host.file("/var/lib/private/platform-object-volume").mode == 0o700


def test_no_secret_is_on_a_command_line(host: Host) -> None:
    secrets = host.check_output(
        'grep -hoE \'"secretKey": "[^"]+"|^key = "[^/"]{20,}"\' %s/s3.json %s/*.toml', FOLDER, FOLDER
    )
    values = [line.split('"')[-2] for line in secrets.splitlines()]

    lines = host.check_output("cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\\\0' ' '; true")

    assert len(values) >= 5
    assert [value for value in values if value in lines] == []
