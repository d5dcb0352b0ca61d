"""Keep secrets out of what is shown and written down."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

HIDDEN = "[hidden]"
# Shorter ones would hide innocent text.
_SHORTEST = 6
_PATTERNS = (
    # Keys in PEM, whole or cut off.
    (re.compile(r"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.*?(-----END \1-----|\Z)", re.DOTALL), HIDDEN),
    # kubeadm's bootstrap tokens, and the key that certificates are handed over with.
    (re.compile(r"\b[a-z0-9]{6}\.[a-z0-9]{16}\b"), HIDDEN),
    (re.compile(r"(certificate-key[=\s:]+)[0-9a-f]{64}"), rf"\1{HIDDEN}"),
    # JSON web tokens, and whatever is introduced as a secret.
    (re.compile(r"\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*"), HIDDEN),
    (re.compile(r"(?i)(authorization['\"]?\s*[:=]\s*['\"]?(?:bearer|basic)\s+)[^\s'\",]+"), rf"\1{HIDDEN}"),
    (
        re.compile(
            r"(?i)((?:password|passwd|passphrase|token|secret|client-key-data)['\"]?\s*[:=]\s*['\"]?)(?!\[hidden\])[^\s'\",;]{4,}"
        ),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"(?i)(--(?:password|passphrase|token|secret)[\s=]+)(?!\[hidden\])\S+"), rf"\1{HIDDEN}"),
    (re.compile(r"(\w+://[^/\s:@]+:)[^@\s/]+@"), rf"\1{HIDDEN}@"),
)

Redaction = Callable[[str], str]


def redaction(secrets: Iterable[str] = ()) -> Redaction:
    """Return a function that hides secrets in a text.

    Args:
        secrets: values that are known; what looks like a secret is hidden anyhow.
    """
    known = sorted({value.strip() for value in secrets if len(value.strip()) >= _SHORTEST}, key=len, reverse=True)

    def redact(text: str) -> str:
        for value in known:
            text = text.replace(value, HIDDEN)
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        return text

    return redact


def redact_all(value: Any, redact: Redaction) -> Any:
    """Return a value with every text in it redacted."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {key: redact_all(entry, redact) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [redact_all(entry, redact) for entry in value]
    return value
