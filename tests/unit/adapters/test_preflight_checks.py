"""What is known of checks without running them."""

from __future__ import annotations

from pathlib import Path

from installer.adapters.preflight_checks import load_checks
from installer.engine.preflight_page import preflight_table
from installer.model.preflight import CheckDescription

RULES = "collections/ansible_collections/platform/base/plugins/module_utils/preflight_rules"
SOURCE = '''"""Rules on disks."""
def disk_free(facts): """A full disk stops databases.\n\n    More of it.\n    """
def disk_slow(facts): """A slow disk is slow."""
CHECKS = (Check(disk_free, asks_for("paths")), Check(disk_slow, warns=True))
'''


def test_a_check_is_described_by_its_rule_and_the_roles_that_want_it(tmp_path: Path) -> None:
    write(tmp_path, f"{RULES}/disks.py", SOURCE)
    write(tmp_path, "roles/b/vars/preflight.yml", "__b_checks: {disk_free: {setting: b_disk}}")
    write(tmp_path, "roles/a/vars/preflight.yml", "__a_checks: {disk_free: {}}")

    found = load_checks(tmp_path)

    assert found == (
        CheckDescription("disk_free", "disks", "A full disk stops databases.", False, ("a", "b"), ("b_disk",)),
        CheckDescription("disk_slow", "disks", "A slow disk is slow.", True, (), ()),
    )


def test_the_table_has_a_part_for_each_subject() -> None:
    checks = [
        CheckDescription("disk_free", "disks", "A full disk stops databases.", False, ("a", "b"), ("b_disk",)),
        CheckDescription("time_zone", "hosts", "Logs differ.", True, ("a",), ()),
    ]

    table = preflight_table(checks)

    assert "## Disks\n" in table
    assert "| `disk_free` | A full disk stops databases. | a, b | `b_disk` |\n" in table
    assert "| `time_zone` | Logs differ. Warns. | a | - |\n" in table


def write(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)
