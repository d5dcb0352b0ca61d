"""Secrets do not get through."""

from __future__ import annotations

import pytest

from installer.engine.redaction import HIDDEN, redact_all, redaction

KEY = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIDummy\n-----END EC PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("kubeadm join --token abcdef.0123456789abcdef", "abcdef.0123456789abcdef"),
        (f"certificate-key: {'ab' * 32}", "ab" * 32),
        (f"it said {KEY} and went on", "MHcCAQEEIDummy"),
        ("-----BEGIN PRIVATE KEY-----\nMHcCAQEEIDummy", "MHcCAQEEIDummy"),
        ("Authorization: Bearer c2VjcmV0dG9rZW4", "c2VjcmV0dG9rZW4"),
        ("token eyJhbGciOiJSUzI1NiIs.eyJpc3MiOiJrdWJlcm5.c2lnbmF0dXJl", "eyJpc3MiOiJrdWJlcm5"),
        ("{'password': 'hunter22', 'user': 'a'}", "hunter22"),
        ("PLATFORM_CA_PASSPHRASE=correct-horse", "correct-horse"),
        ("openssl --passphrase swordfish1 x509", "swordfish1"),
        ("https://user:pa55word@registry.example.com/v2/", "pa55word"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(text: str, secret: str) -> None:
    shown = redaction()(text)

    assert secret not in shown
    assert HIDDEN in shown


def test_a_known_secret_is_hidden_wherever_it_stands() -> None:
    assert redaction(["correct horse battery\n"])("it read correct horse battery aloud") == f"it read {HIDDEN} aloud"


@pytest.mark.parametrize(
    "text",
    [
        "sha256:" + "ab" * 32,
        "The unit containerd.service failed with status 1.",
        "secret a is ciphertext in etcd",
        "https://registry.example.com/v2/",
        "registry.k8s.io/kube-apiserver:v1.36.4",
    ],
)
def test_innocent_text_stays_as_it_is(text: str) -> None:
    assert redaction()(text) == text


def test_a_value_is_redacted_through_and_through() -> None:
    said = {"lines": ["token: abcdefgh1", 7, {"deep": "password=abcdefgh2"}]}

    assert redact_all(said, redaction()) == {"lines": [f"token: {HIDDEN}", 7, {"deep": f"password={HIDDEN}"}]}
