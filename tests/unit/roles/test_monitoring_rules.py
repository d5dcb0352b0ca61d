"""Every alert has a page, a case that fires it and one that does not; and every query can be read."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from installer.adapters.catalog_files import load_catalog
from tests.promtool import promtool
from tests.repository import PROJECT, read, role_folder

FILES = role_folder("monitoring") / "files"
PAGES = PROJECT / "docs/operations/alerts"
RULES = sorted((FILES / "rules").glob("*.yml"))
CASES = sorted((FILES / "cases").glob("*.yml"))
DASHBOARDS = sorted((FILES / "dashboards").glob("*.json"))
SEVERITIES = {"warning", "critical", "page", "trial"}
# Jobs whose component is yet to come, or whose job is the role's own.
OWN_JOBS = {"alert-keeper"}


def rules(path: Path) -> Iterator[dict[str, Any]]:
    """Yield every rule of a file."""
    for group in read(path)["groups"]:
        yield from group["rules"]


ALERTS = {rule["alert"]: rule for path in RULES for rule in rules(path) if "alert" in rule}


def cases(expects: bool) -> set[str]:
    """Return the alerts that some case expects, or expects not to be there."""
    return {
        check["alertname"]
        for path in CASES
        for case in read(path)["tests"]
        for check in case["alert_rule_test"]
        if bool(check["exp_alerts"]) is expects
    }


FIRING, QUIET = cases(expects=True), cases(expects=False)


@pytest.fixture(scope="module", name="promtool")
def the_program() -> str:
    return promtool()


def judged(promtool: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([promtool, *arguments], cwd=folder, capture_output=True, text=True, check=False)


def queries(path: Path) -> list[str]:
    """Return every query of a dashboard, with its variables filled in."""
    board = json.loads(path.read_text())
    return [re.sub(r"\$\w+", ".*", target["expr"]) for panel in board["panels"] for target in panel["targets"]]


def test_there_are_as_many_alerts_as_names() -> None:
    names = [rule["alert"] for path in RULES for rule in rules(path) if "alert" in rule]

    assert len(names) == len(set(names)) > 0


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_has_a_case_that_fires_and_one_that_does_not(name: str) -> None:
    assert name in FIRING
    assert name in QUIET


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_what_is_wrong_how_bad_that_is_and_where_to_read_on(name: str) -> None:
    alert = ALERTS[name]

    assert alert["labels"]["severity"] in SEVERITIES
    assert alert["annotations"]["summary"].endswith(".")
    assert alert["annotations"]["runbook"] == f"docs/operations/alerts/{name}.md"


@pytest.mark.parametrize("name", ALERTS)
def test_an_alerts_page_says_what_to_look_at_and_what_to_do(name: str) -> None:
    text = (PAGES / f"{name}.md").read_text()

    meaning, look, do = re.split(r"^## (?:Look at|Do)\n", text, flags=re.MULTILINE)
    assert meaning.startswith(f"# {name}\n") and len(meaning.split()) > 15
    assert "\n- " in look and "\n- " in do


def test_there_is_no_page_without_its_alert_and_the_index_has_all() -> None:
    pages = {path.stem for path in PAGES.glob("*.md")} - {"README"}

    listed = set(re.findall(r"^\| \[(\w+)\]\(\1\.md\)", (PAGES / "README.md").read_text(), re.MULTILINE))
    assert pages == set(ALERTS) == listed


def test_jobs_in_rules_are_told_by_some_component() -> None:
    told = {entry.job for component in load_catalog(PROJECT / "roles") for entry in component.description.metrics}

    asked = {job for path in RULES for job in re.findall(r'\bjob="([^"]+)"', path.read_text())}
    assert asked != set()
    assert asked - OWN_JOBS <= told


def test_the_keeper_waits_for_the_alert_that_the_rules_raise() -> None:
    program = (FILES / "alert_keeper/keeper.go").read_text()

    (name,) = re.findall(r'trialAlert = "(\w+)"', program)
    assert ALERTS[name]["labels"]["severity"] == "trial"
    assert "for" not in ALERTS[name]


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_rules_can_be_read(path: Path, promtool: str) -> None:
    done = judged(promtool, "check", "rules", path.name, folder=path.parent)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_cases_hold(path: Path, promtool: str) -> None:
    assert (path.parents[1] / "rules" / path.name) in RULES

    done = judged(promtool, "test", "rules", path.name, folder=path.parent)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_queries_of_dashboards_can_be_read(path: Path, promtool: str, tmp_path: Path) -> None:
    asked = [{"record": f"query_{number}", "expr": query} for number, query in enumerate(queries(path))]
    (tmp_path / "queries.yml").write_text(yaml.safe_dump({"groups": [{"name": path.stem, "rules": asked}]}))

    done = judged(promtool, "check", "rules", "queries.yml", folder=tmp_path)

    assert asked != []
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboard_asks_the_source_that_who_looks_chooses(path: Path) -> None:
    board = json.loads(path.read_text())

    sources = {panel["datasource"]["uid"] for panel in board["panels"]}
    assert sources == {"${source}"}
    assert board["uid"] == f"platform-{path.stem}"
    assert "source" in [variable["name"] for variable in board["templating"]["list"]]
