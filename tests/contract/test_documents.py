"""What is written for people leads somewhere and is named as agreed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.repository import PROJECT, read, shown

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FRAGMENT = re.compile(r"[a-z0-9-]+\.(added|changed|fixed|removed|security)\.md")
DECISION = re.compile(r"(\d{4})-[a-z0-9-]+\.md")
WRITTEN_IN = ("*.md", "docs/**/*.md", "roles/*/README.md", "services/*/README.md")
DOCUMENTS = sorted(path for pattern in WRITTEN_IN for path in PROJECT.glob(pattern))
DECISIONS = sorted(path for path in (PROJECT / "docs/adr").glob("*.md") if path.name != "README.md")


def anchors(path: Path) -> set[str]:
    """Return the places in a document that can be linked to."""
    headings = [line.lstrip("#").strip() for line in path.read_text().splitlines() if line.startswith("#")]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=shown)
def test_links_lead_somewhere(path: Path) -> None:
    broken = []

    for link in LINK.findall(path.read_text()):
        target, _, anchor = link.partition("#")
        place = (path.parent / target).resolve() if target else path
        if "://" not in link and (not place.exists() or (anchor and anchor not in anchors(place))):
            broken.append(link)

    assert broken == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=shown)
def test_a_document_begins_with_one_title(path: Path) -> None:
    text = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)

    assert text.startswith("# ")
    assert len(re.findall(r"^# ", text, re.MULTILINE)) == 1


def test_decisions_are_numbered_without_a_gap() -> None:
    numbers = [int(match[1]) for path in DECISIONS if (match := DECISION.fullmatch(path.name))]

    assert len(numbers) == len(DECISIONS)
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("path", DECISIONS, ids=shown)
def test_a_decision_says_what_was_decided_and_what_follows(path: Path) -> None:
    headings = [line for line in path.read_text().splitlines() if line.startswith("#")]

    assert headings[0].startswith(f"# {int(path.name[:4])}. ")
    assert headings[1:] == ["## Context", "## Decision", "## Consequences"]


@pytest.mark.parametrize("folder", ["docs/adr", "docs/operations"])
def test_every_page_is_in_its_index(folder: str) -> None:
    pages = {path.name for path in (PROJECT / folder).glob("*.md")} - {"README.md"}

    listed = set(LINK.findall((PROJECT / folder / "README.md").read_text()))

    assert pages <= listed


@pytest.mark.parametrize("path", sorted((PROJECT / "changes").iterdir()), ids=lambda path: path.name)
def test_a_change_is_one_sentence(path: Path) -> None:
    text = path.read_text()

    assert FRAGMENT.fullmatch(path.name)
    assert text.endswith(".\n")
    assert text.count("\n") == 1


def test_every_exit_code_is_documented() -> None:
    table = (PROJECT / "docs/architecture.md").read_text().partition("## Exit codes")[2]
    codes = re.findall(r"^\| (\d+) \|", table, re.MULTILINE)

    source = (PROJECT / "installer/errors.py").read_text()
    assert codes == re.findall(r"^    [A-Z_]+ = (\d+)$", source, re.MULTILINE)


def test_a_summary_is_written_for_a_table() -> None:
    summaries = {path.parent.name: read(path)["summary"] for path in PROJECT.glob("roles/*/component.yml")}

    assert {role: text for role, text in summaries.items() if text.endswith(".") or len(text) > 120} == {}
