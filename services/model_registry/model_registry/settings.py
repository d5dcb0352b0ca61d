"""What the registry is told."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

_PATHS = ("accounts_file", "certificate", "key", "password_file", "backup_file")


@dataclass(frozen=True)
class Settings:
    """How the registry runs.

    Attributes:
        database: a URL of SQLAlchemy's, without a password.
        password_file: the database's password; none where the URL needs none.
        backup_file: the moment of the database's last copy, by ISO 8601; none where nobody copies it from here.
        accounts_file: who may ask; it is read again when it changes.
        certificate: of TLS.
        key: of the certificate.
        host: the address it listens at.
        port: the port there.
        threads: requests that are answered side by side.
    """

    database: str
    accounts_file: Path
    certificate: Path
    key: Path
    password_file: Path | None = None
    backup_file: Path | None = None
    host: str = "0.0.0.0"
    port: int = 8443
    threads: int = 4

    def database_url(self) -> str:
        """Return the database's URL with its password, which is read anew each time."""
        if self.password_file is None:
            return self.database
        place, _, rest = self.database.partition("@")
        return f"{place}:{quote(self.password_file.read_text().strip(), safe='')}@{rest}"


def read_settings(path: Path) -> Settings:
    """Return what a file says.

    Raises:
        ValueError: it says something unknown, or lacks something.
    """
    told: dict[str, Any] = json.loads(path.read_text())
    database = told.pop("database")
    told |= {name: Path(told[name]) for name in _PATHS if name in told}
    try:
        return Settings(database=_url(database), **told)
    except TypeError as error:
        raise ValueError(f"{path} is not as it must be: {error}.") from error


def _url(database: Any) -> str:
    """Return the URL of a PostgreSQL that is described, or one as it is written."""
    if isinstance(database, str):
        return database
    options = {"sslmode": database["tls"], "sslrootcert": database["authority"], "connect_timeout": "5"}
    place = f"{database['host']}:{database['port']}/{quote(database['name'], safe='')}"
    return f"postgresql+psycopg2://{quote(database['user'], safe='')}@{place}?{urlencode(options)}"
