from __future__ import annotations

import pytest
import yaml

from installer.engine.pages import components_page, one_by_one, site_playbook, variables_page
from installer.model.artifact import Artifacts, ImageSpec
from installer.model.catalog import Catalog
from installer.model.component import Component, Description, Layer, Metrics
from installer.model.inventory import Interface, VariableSpec
from installer.model.plan import Step


def component(name: str, **described: object) -> Component:
    values = {"summary": f"What {name} is", "layer": Layer.CLUSTER, "runs_on": "admin", **described}
    return Component(name, Description(**values), frozenset())  # type: ignore[arg-type]


def catalog(*components: Component) -> Catalog:
    return Catalog({entry.name: entry for entry in components})


def test_a_step_waits_no_longer_than_it_must() -> None:
    steps = [
        Step("cluster", "deploy", "all"),
        Step("cluster", "verify", "all", after=("cluster deploy", "network deploy")),
        Step("network", "deploy", "all", after=("cluster deploy",)),
        Step("network", "verify", "all", after=("network deploy",)),
    ]

    assert [step.name for step in one_by_one(steps)] == [
        "cluster deploy",
        "network deploy",
        "cluster verify",
        "network verify",
    ]


def test_a_component_that_a_site_leaves_out_is_passed_over() -> None:
    text = site_playbook(catalog(component("registry", optional=True)))

    deploy, verify = yaml.safe_load(text)
    assert deploy["when"] == "platform_without.registry is not defined"
    assert verify["when"] == "not ansible_check_mode and platform_without.registry is not defined"


def test_hosts_of_a_play_are_those_the_component_names() -> None:
    text = site_playbook(catalog(component("network", runs_on="control_plane:worker")))

    assert {play["vars"]["component_hosts"] for play in yaml.safe_load(text)} == {"control_plane:worker"}


def test_a_component_is_shown_with_what_it_brings() -> None:
    image = ImageSpec(name="images.example.com/api", version="v1", licence="MIT")
    artifacts = Artifacts(images=(image,), packages={"default": ("one", "two")}, wheels=("library==3",))

    text = components_page(catalog(component("api", artifacts=artifacts)))

    assert "| [api](#api) | cluster | - | admin | What api is |" in text
    assert "| image | `images.example.com/api` | v1 | MIT |" in text
    assert "| Debian | `one`, `two` | the host's release |  |" in text
    assert "| Python | `library` | 3 |  |" in text


def test_a_component_is_shown_with_what_monitoring_reads_of_it() -> None:
    told = (Metrics(job="api", port=1, hosts="all"), Metrics(job="agent", port=2, hosts="all"))

    assert "Monitoring reads `api`, `agent`.\n" in components_page(catalog(component("api", metrics=told)))
    assert "Monitoring reads" not in components_page(catalog(component("api")))


@pytest.mark.parametrize(
    ("default", "shown"),
    [
        ("text", "`text`"),
        ("", '`""`'),
        (True, "`true`"),
        (["a|b"], '`["a\\|b"]`'),
        (["long"] * 20, "see [roles/api/defaults/main.yml](../roles/api/defaults/main.yml)"),
    ],
)
def test_a_default_is_shown_as_one_would_write_it(default: object, shown: str) -> None:
    spec = VariableSpec("api_value", "str", "What it is.", required=False, owner="api")

    text = variables_page(Interface({spec.name: spec}, {spec.name: default}, {}))

    assert f"| `api_value` | str | {shown} | What it is. |" in text


def test_a_variable_without_a_default_is_to_be_set() -> None:
    inner = VariableSpec("start", "address", "The first.", required=True)
    spec = VariableSpec("api_range", "dict", "A range.", required=True, owner="api", options={"start": inner})

    text = variables_page(Interface({spec.name: spec}, {}, {}))

    assert "| `api_range` | dict | to be set | A range. Holds `start`. |" in text
