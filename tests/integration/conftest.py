"""Keys and bundles signed by `ssh-keygen`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from installer.adapters.signing import make_signing_key, sign
from tests.bundles import Maker


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the keys `maker` and `stranger`, and who may sign: `allowed_signers`."""
    folder = tmp_path_factory.mktemp("keys")
    (folder / "allowed_signers").write_text(make_signing_key(folder / "maker", "maker@example.com"))
    make_signing_key(folder / "stranger", "stranger@example.com")
    return folder


@pytest.fixture(scope="session")
def signing_maker(keys: Path) -> Callable[[Path], Maker]:
    """Return what builds bundles below a folder now, signed by `maker`."""
    now = datetime.now(UTC).replace(microsecond=0)
    return lambda folder: Maker(folder, lambda text: sign(text, keys / "maker"), now)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what waits longest for its servers: at the end nothing would be left to do beside it."""
    items.sort(key=lambda item: not item.path.name.startswith("test_vault_"))
