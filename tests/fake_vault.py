"""A Vault in memory."""

from __future__ import annotations

import json
from typing import Any

from hvac.exceptions import InvalidPath


class FakeVault:
    """Holds secrets by path, as hvac's client does for what the platform keeps to itself."""

    def __init__(self) -> None:
        self.held: dict[str, dict[str, Any]] = {}
        self.secrets = self.kv = self.v2 = self

    def read_secret_version(self, path: str, mount_point: str, raise_on_deleted_version: bool) -> dict[str, Any]:
        assert (mount_point, raise_on_deleted_version) == ("platform", True)
        if path not in self.held:
            raise InvalidPath
        # A Vault has its own order of what it keeps: that of the letters.
        return {"data": {"data": json.loads(json.dumps(self.held[path], sort_keys=True))}}

    def create_or_update_secret(self, path: str, secret: dict[str, Any], mount_point: str) -> None:
        assert mount_point == "platform"
        self.held[path] = secret

    def delete_metadata_and_all_versions(self, path: str, mount_point: str) -> None:
        assert mount_point == "platform"
        del self.held[path]
