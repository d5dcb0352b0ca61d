"""The site's Vault, seen from the control-plane hosts."""

from __future__ import annotations

import json
import shlex

from testinfra.host import Host

testinfra_hosts = ["ansible://control_plane?force_ansible=True"]

_FOLDER, _DATA, _LOG = "/etc/platform/vault", "/var/lib/private/platform-vault", "/var/log/private/platform-vault"


def asked(host: Host, path: str) -> tuple[int, str]:
    """Return the status and text of what the server answers to somebody without a token."""
    known = host.ansible.get_variables()
    program = (
        "import http.client, ssl, sys;"
        "c = http.client.HTTPSConnection(sys.argv[1], int(sys.argv[2]), timeout=5,"
        " context=ssl.create_default_context(cafile=sys.argv[3]));"
        "c.request('GET', sys.argv[4]); r = c.getresponse(); print(r.status, r.read().decode())"
    )
    arguments = [known["platform_address"], str(known["platform_vault_port"]), "/etc/platform/ca.crt", path]
    status, _, text = host.check_output(shlex.join(["python3", "-c", program, *arguments])).partition(" ")
    return int(status), text


def test_the_server_runs_and_comes_back(host: Host) -> None:
    assert host.service("platform-vault").is_running
    assert host.service("platform-vault").is_enabled


def test_the_server_is_initialised_and_open(host: Host) -> None:
    status, text = asked(host, "/v1/sys/seal-status")

    assert status == 200
    assert (json.loads(text)["initialized"], json.loads(text)["sealed"]) == (True, False)


def test_nothing_is_told_to_who_has_no_token(host: Host) -> None:
    assert asked(host, "/v1/platform/metadata/?list=true")[0] == 403
    assert asked(host, "/v1/sys/mounts")[0] == 403


def test_the_server_runs_as_nobody_in_particular(host: Host) -> None:
    process = host.check_output("systemctl show --property=MainPID --value platform-vault")

    assert host.check_output("stat --format=%%u /proc/%s", process) != "0"


def test_only_the_server_and_root_read_what_is_kept(host: Host) -> None:
    assert host.file(_FOLDER).mode == 0o700
    assert host.file(f"{_FOLDER}/tls.key").mode == 0o600
    assert host.file(_DATA).mode == 0o700
    assert host.file(f"{_LOG}/audit.log").mode == 0o600


def test_the_audit_log_begins_anew_before_the_disk_is_full(host: Host) -> None:
    checked = host.run("logrotate --debug /etc/logrotate.d/platform-vault")

    assert checked.rc == 0
    assert "error" not in checked.stderr.lower()
    assert host.service("logrotate.timer").is_enabled
    assert host.service("logrotate.timer").is_running


def test_no_token_is_in_clear_on_the_disks(host: Host) -> None:
    found = host.run("grep -rlE '(hvs|s)\\.[A-Za-z0-9]{20,}' /etc/platform /var/log --exclude-dir=journal")

    assert found.stdout == ""
