"""Authorities below the platform's own, which it signs.

`openssl` does that, because the Python library for it differs too much between the releases of hosts.
"""

from __future__ import annotations

import datetime
import os
import subprocess
import tempfile


class AuthorityProblem(Exception):
    """What the operator must know, with its cure."""


_DAY = 86400
# An authority that signs no further one.
_EXTENSIONS = """basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


def sign_below(request: str, certificate: str, key: str, passphrase: str, days: int) -> str:
    """Return a certificate for an authority that signs no further one, in PEM.

    Args:
        request: a certificate request, in PEM.
        certificate: the file of the certificate of who signs.
        key: the file of its key, encrypted with the passphrase.
        days: days the certificate is good for; never longer than who signs it.

    Raises:
        AuthorityProblem: what `openssl` says: the request is damaged, or the passphrase is another one.
    """
    days = min(days, _days_left(certificate))
    with tempfile.TemporaryDirectory() as folder:
        asked, extensions = os.path.join(folder, "request"), os.path.join(folder, "extensions")
        for path, text in ((asked, request), (extensions, _EXTENSIONS)):
            with open(path, "w", encoding="ascii") as stream:
                stream.write(text)
        reading, writing = os.pipe()
        os.write(writing, passphrase.encode() + b"\n")
        os.close(writing)
        command = [
            *("openssl", "x509", "-req", "-sha384", "-days", str(days), "-in", asked, "-extfile", extensions),
            *("-CA", certificate, "-CAkey", key, "-passin", f"fd:{reading}"),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False, pass_fds=[reading])
        os.close(reading)
    if done.returncode:
        raise AuthorityProblem(
            f"The platform's authority does not sign another: {done.stderr.strip()[-300:]}. Is the passphrase in "
            "the file that PLATFORM_CA_PASSPHRASE_FILE names its own?"
        )
    return done.stdout


def _days_left(certificate: str) -> int:
    command = ["openssl", "x509", "-noout", "-enddate", "-in", certificate]
    told = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "LC_ALL": "C"}).stdout
    end = datetime.datetime.strptime(told.strip().partition("=")[2], "%b %d %H:%M:%S %Y GMT")
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)  # noqa: UP017  # hosts may have Python 3.10
    return (end - now).days


def serves(certificate: str, authority: str, renew_days: int) -> bool:
    """Return whether a certificate is signed by an authority, and is good for that many days more.

    Args:
        certificate: in PEM; empty when there is none.
        authority: the file of the authority's certificate.
    """
    if not certificate.strip():
        return False
    until = ["openssl", "x509", "-noout", "-checkend", str(renew_days * _DAY)]
    signed = ["openssl", "verify", "-CAfile", authority]
    return all(
        subprocess.run(command, input=certificate, capture_output=True, text=True, check=False).returncode == 0
        for command in (until, signed)
    )
