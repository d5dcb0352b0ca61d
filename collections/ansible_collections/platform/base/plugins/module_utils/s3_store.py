"""How the platform speaks to an S3, its own or a site's."""

from __future__ import annotations

import configparser
import contextlib
import functools
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.vault_site import VaultProblem

_CONNECT_SECONDS, _READ_SECONDS, _ATTEMPTS = 5, 60, 6


class S3Problem(Exception):
    """What the operator must know, with its cure."""


def client_of(url: str, authority: str, key: Mapping[str, str] | None, region: str = "") -> Any:
    """Return a client that is somebody, or nobody without a key; what may pass by itself is tried again.

    Args:
        url: where the S3 answers.
        authority: the file with the authority of its certificate.
        key: `access_key` and `secret_key`.
        region: its region, where it has several.
    """
    from botocore import UNSIGNED
    from botocore.config import Config

    settings = Config(
        signature_version="s3v4" if key else UNSIGNED,
        s3={"addressing_style": "path"},
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
    )
    # All of it is said, so that nothing is taken from the environment or anybody's files.
    return _session().client(
        "s3",
        aws_access_key_id=key["access_key"] if key else None,
        aws_secret_access_key=key["secret_key"] if key else None,
        region_name=region or "us-east-1",
        endpoint_url=url,
        verify=authority,
        config=settings,
    )


@functools.cache
def _session() -> Any:
    """Return what reads the description of S3, which is large, once."""
    import boto3  # there once its wheel is unpacked, which documentation tools do not wait for

    return boto3.session.Session()


def given_keys(text: str, owners: list[str]) -> dict[str, dict[str, str]]:
    """Return the keys in a file as AWS' programs read it.

    Raises:
        VaultProblem: it is no such file, or a section lacks a part of its key.
    """
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(text)
        return {
            owner: {
                "access_key": parser[owner]["aws_access_key_id"], "secret_key": parser[owner]["aws_secret_access_key"]
            }
            for owner in owners if parser.has_section(owner)
        }  # fmt: skip
    except configparser.Error as error:
        raise VaultProblem(f"The file of access keys is none: {error.message.splitlines()[0]}.") from error
    except KeyError as error:
        raise VaultProblem(f"A section of the file of access keys lacks {error}.") from error


def refusal(error: Any) -> str:
    """Return the code S3 refuses with, such as `AccessDenied`."""
    return str(error.response["Error"]["Code"])


@contextlib.contextmanager
def told(what: str, cure: str) -> Iterator[None]:
    """Turn what the client library raises into a problem an operator can do something about.

    Raises:
        S3Problem: the S3 refused, or did not answer.
    """
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (Boto3Error, BotoCoreError, ClientError) as error:
        raise S3Problem(f"{what} failed: {error}. {cure}") from error
