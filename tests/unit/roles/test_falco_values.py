"""Every value this role gives the chart is one that it has; what it makes beside it is what the kinds describe."""

from __future__ import annotations

import hashlib
from typing import Any

import jsonschema
import pytest
import yaml

from installer.adapters.catalog_files import load_catalog
from tests.reference import read_reference
from tests.repository import PROJECT, read, role_folder
from tests.site_rendering import digest, rendered
from tests.unit.roles.falco_values import CHOICES, WANTED
from tests.unit.roles.test_gpu_operator_values import unknown


@pytest.fixture(scope="module")
def made_of(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    return {
        choice: rendered("falco", WANTED, tmp_path_factory.mktemp("rendered"), **CHOICES[choice]) for choice in CHOICES
    }


@pytest.fixture(params=list(CHOICES))
def made(request: pytest.FixtureRequest, made_of: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return made_of[request.param]


def test_every_value_is_one_that_the_chart_has(made: dict[str, Any]) -> None:
    # What goes to the chart within it is its own to know, and what is a list or text of ours is no key.
    own = {key: value for key, value in made["values"].items() if key not in ("falcosidekick", "customRules")}

    strays = set(unknown(own, read_reference("charts", "values", "falco.values.yaml")))

    assert strays == set()


def test_every_value_of_falcosidekick_is_one_that_its_chart_has(made: dict[str, Any]) -> None:
    known = read_reference("charts", "values", "falco-dep-falcosidekick.values.yaml")
    parent = read_reference("charts", "values", "falco.values.yaml")["falcosidekick"]

    # Its context of pods the chart hands on as it is.
    own = {key: value for key, value in made["values"]["falcosidekick"].items() if key != "podSecurityContext"}

    assert set(unknown(own, {**parent, **known})) == set()


def test_nothing_is_fetched_and_nothing_else_is_started(made: dict[str, Any]) -> None:
    values = made["values"]

    assert values["driver"]["kind"] == "modern_ebpf" and values["driver"]["loader"] == {"enabled": False}
    assert values["falcoctl"]["artifact"] == {"install": {"enabled": False}, "follow": {"enabled": False}}
    assert values["falco"]["rules_files"] == ["/etc/falco/rules.d"] and values["falco"]["config_files"] == []
    assert not values["falcosidekick"]["webui"]["enabled"] and not values["responseActions"]["enabled"]


def test_every_image_is_the_bundles_by_tag_and_digest(made: dict[str, Any]) -> None:
    brought = load_catalog(PROJECT / "roles")["falco"].description.artifacts.images
    known = {image.name: f"{image.version}@{digest(image.name)}" for image in brought}

    named = [made["values"]["image"], made["values"]["falcosidekick"]["image"]]

    assert {f"{image['registry']}/{image['repository']}": image["tag"] for image in named} == known


def test_the_chart_is_the_one_whose_values_these_are() -> None:
    chart = read_reference("charts", "values", "falco.Chart.yaml")
    brought = load_catalog(PROJECT / "roles")["falco"].description.artifacts

    assert [entry.version for entry in brought.charts] == [chart["version"]]
    assert brought.images[0].version == chart["appVersion"]


def test_the_fields_of_containers_are_those_of_the_plugin_that_the_chart_is_made_for() -> None:
    plugin = read_reference("charts", "values", "falco.values.yaml")["collectors"]["containerEngine"]["pluginRef"]

    assert plugin.rpartition(":")[2] == read(role_folder("falco") / "files" / "fields.yml")["versions"]["container"]


def test_what_is_told_goes_by_tls_to_who_is_known(made: dict[str, Any]) -> None:
    told, sent = made["values"]["falco"]["http_output"], made["values"]["falcosidekick"]["config"]

    assert told["url"].startswith("https://") and told["insecure"] is False and told["ca_cert"].endswith("/ca.crt")
    assert sent["tlsserver"]["deploy"] is True
    assert sent["alertmanager"]["checkcert"] is True and sent["loki"]["checkcert"] is True
    assert made["values"]["falco"]["webserver"]["ssl_enabled"] is True


def test_priorities_decide_who_is_told(made_of: dict[str, dict[str, Any]]) -> None:
    chosen = made_of["everything chosen"]

    sent = chosen["values"]["falcosidekick"]["config"]

    assert (sent["alertmanager"]["minimumpriority"], sent["loki"]["minimumpriority"]) == ("error", "debug")
    assert "critical:critical" in sent["alertmanager"]["customseveritymap"].split(",")
    # What verification does is a warning, of which this Alertmanager is not told.
    assert chosen["destinations"] == ["loki"]


def test_what_is_sent_nowhere_may_go_nowhere(made_of: dict[str, dict[str, Any]]) -> None:
    sent = made_of["nothing chosen"]

    assert sent["values"]["falcosidekick"]["config"]["loki"]["hostport"] == ""
    assert sent["destinations"] == []
    assert "egress" not in policies(sent)["falcosidekick"]


def policies(made: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the policies of the network by name."""
    return {item["metadata"]["name"]: item["spec"] for item in made["objects"] if item["kind"] == "CiliumNetworkPolicy"}


def test_the_namespace_lets_nothing_in_or_out_by_default(made: dict[str, Any]) -> None:
    assert policies(made)["default-deny"] == {"endpointSelector": {}, "ingress": [{}], "egress": [{}]}


def test_alerts_may_go_where_the_inventory_says_and_nowhere_else(made_of: dict[str, dict[str, Any]]) -> None:
    egress = policies(made_of["everything chosen"])["falcosidekick"]["egress"]

    assert egress == [
        {
            "toEndpoints": [{"matchLabels": {"k8s:io.kubernetes.pod.namespace": "monitoring"}}],
            "toPorts": [{"ports": [{"port": "9093", "protocol": "TCP"}]}],
        },
        {"toCIDR": ["192.0.2.144/28"], "toPorts": [{"ports": [{"port": "443", "protocol": "TCP"}]}]},
    ]


def test_policies_of_the_network_are_what_their_kind_describes(made: dict[str, Any]) -> None:
    schema = read_reference("charts", "crds", "cilium_json_schemas_1.18.2", "ciliumnetworkpolicy_v2.json")
    found = [item for item in made["objects"] if item["kind"] == "CiliumNetworkPolicy"]

    errors = [error for item in found for error in jsonschema.Draft7Validator(schema).iter_errors(item)]

    assert len(found) == 4
    assert [f"{error.json_path}: {error.message}" for error in errors] == []


def test_certificates_are_what_their_kind_describes(made: dict[str, Any]) -> None:
    kind = read_reference("charts", "crds", "cert-manager", "certificates.cert-manager.io.yaml")
    schema = kind["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    found = [item for item in made["objects"] if item["kind"] == "Certificate"]

    errors = [error for item in found for error in jsonschema.Draft7Validator(schema).iter_errors(item)]

    assert {item["spec"]["secretName"] for item in found} == {"falco-tls", "falcosidekick-tls"}
    assert [f"{error.json_path}: {error.message}" for error in errors] == []


def test_the_map_that_the_chart_mounts_and_does_not_make_is_there(made: dict[str, Any]) -> None:
    maps = {item["metadata"]["name"]: item["data"] for item in made["objects"] if item["kind"] == "ConfigMap"}

    assert maps["falco-falcoctl"] == {"falcoctl.yaml": ""}
    assert "BEGIN CERTIFICATE" in maps["falco-authorities"]["ca.crt"]


def test_the_namespace_has_its_level_its_quota_and_its_limits(made: dict[str, Any]) -> None:
    kinds = {item["kind"]: item for item in made["objects"]}

    assert kinds["Namespace"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "privileged"
    assert int(kinds["ResourceQuota"]["spec"]["hard"]["pods"]) >= 18
    assert kinds["LimitRange"]["spec"]["limits"][0]["defaultRequest"]


def test_a_sites_rules_and_exceptions_are_read_after_the_platforms(made_of: dict[str, dict[str, Any]]) -> None:
    rules = made_of["everything chosen"]["values"]["customRules"]

    added = {entry["rule"]: entry["exceptions"] for entry in yaml.safe_load(rules["80-known.yaml"])}

    assert sorted(rules)[-2:] == ["80-known.yaml", "90-site.yaml"]
    # A comparison with one text is made with each of several.
    assert added["Shell entered in a container"][0]["values"] == [
        [["databases"], "psql -c"],
        [["databases"], "pg_dump"],
    ]
    assert made_of["everything chosen"]["faults"] == []


def test_a_sites_wrong_rule_is_told_before_anything_is_changed(tmp_path: Any) -> None:
    wrong = {"falco_rules": {"site.yaml": "- macro: mine\n  condition: proc.nmae = sh\n"}}

    made = rendered("falco", WANTED, tmp_path, **{**CHOICES["nothing chosen"], **wrong})

    assert made["faults"] == ["macro mine: there is no field `proc.nmae`"]


def test_alerts_that_would_go_without_tls_are_refused(tmp_path: Any) -> None:
    wrong = {"falco_loki": {"url": "http://loki.example.com:3100", "networks": ["192.0.2.144/28"]}}

    made = rendered("falco", {"lost": WANTED["lost"]}, tmp_path, **{**CHOICES["nothing chosen"], **wrong})

    assert made["lost"] == ["`falco_loki`: http://loki.example.com:3100 is not https://NAME or https://NAME:PORT."]


def test_where_the_example_of_a_site_sends_alerts_can_be_told(tmp_path: Any) -> None:
    made = rendered("falco", {"lost": WANTED["lost"], "faults": WANTED["faults"]}, tmp_path)

    assert made == {"lost": [], "faults": []}


def test_authorities_of_the_site_are_trusted_beside_the_platforms(tmp_path: Any) -> None:
    authorities = tmp_path / "site.crt"
    authorities.write_text("-----BEGIN CERTIFICATE-----\nsite\n")
    chosen = {**CHOICES["nothing chosen"], "falco_output_authorities": str(authorities)}

    made = rendered("falco", {"objects": WANTED["objects"]}, tmp_path, **chosen)

    maps = {item["metadata"]["name"]: item["data"] for item in made["objects"] if item["kind"] == "ConfigMap"}
    assert maps["falco-authorities"]["ca.crt"].count("BEGIN CERTIFICATE") == 2
    assert maps["falco-authorities"]["ca.crt"].endswith("\nsite\n")


def test_a_deployment_marks_pods_as_the_admin_host_does(made: dict[str, Any]) -> None:
    marks = [hashlib.sha256(text).hexdigest()[:32] for text in (b"Zmlyc3Q=", b"c2Vjb25k")]

    given = [made["values"]["podAnnotations"], made["values"]["falcosidekick"]["podAnnotations"]]

    assert given == [{"platform.internal/certificate": mark} for mark in marks]
