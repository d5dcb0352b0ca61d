"""The authority, seen from the admin host."""

from __future__ import annotations

from testinfra.host import Host

testinfra_hosts = ["ansible://admin?force_ansible=True"]


def test_the_authority_signs_itself(host: Host) -> None:
    verified = host.run("openssl verify -CAfile /etc/platform/ca.crt /etc/platform/ca.crt")

    assert verified.rc == 0, verified.stderr


def test_the_authority_may_sign_others(host: Host) -> None:
    extensions = host.check_output("openssl x509 -in /etc/platform/ca.crt -noout -ext basicConstraints,keyUsage")

    assert "CA:TRUE" in extensions
    assert "Certificate Sign" in extensions


def test_the_key_is_encrypted_and_only_roots(host: Host) -> None:
    key = host.file("/etc/platform/ca/ca.key")

    assert key.contains("BEGIN ENCRYPTED PRIVATE KEY")
    assert (key.user, key.group, key.mode) == ("root", "root", 0o600)


def test_the_key_does_not_open_without_its_passphrase(host: Host) -> None:
    opened = host.run("openssl pkey -in /etc/platform/ca/ca.key -noout -passin pass:")

    assert opened.rc != 0
