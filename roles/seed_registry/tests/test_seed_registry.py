"""The bundle's registry and files, asked from outside the admin host."""

from __future__ import annotations

import json

import pytest
from testinfra.host import Host

testinfra_hosts = ["ansible://admin?force_ansible=True"]
REGISTRY, FILES = 5000, 5001


def get(host: Host, port: int, path: str) -> str:
    """Return what a server answers, checked against the platform's authority; curl is none of a bare host's."""
    program = (
        "import ssl, sys, urllib.request, urllib.error; c = ssl.create_default_context(cafile='/etc/platform/ca.crt');"
        "c.check_hostname = False; accept = 'application/vnd.oci.image.manifest.v1+json';"
        "r = urllib.request.Request(sys.argv[1], headers={'Accept': accept});\n"
        "try: a = urllib.request.urlopen(r, context=c, timeout=5); print(a.status, a.read(4000).decode())\n"
        "except urllib.error.HTTPError as e: print(e.code)\n"
    )
    return str(host.check_output("python3 -c %s %s", program, f"https://127.0.0.1:{port}{path}"))


@pytest.mark.parametrize("port", [REGISTRY, FILES])
def test_both_servers_listen(host: Host, port: int) -> None:
    listening = host.check_output("ss -Hltn sport = :%s", str(port))

    assert listening


def test_an_image_is_had_by_its_digest(host: Host) -> None:
    tags = host.check_output("find /var/lib/platform/registry -path '*pause*' -path '*current/link'").splitlines()
    digest = host.check_output("cat %s", tags[0])

    answer = get(host, REGISTRY, f"/v2/registry.k8s.io/pause/manifests/{digest}")

    status, _, manifest = answer.partition(" ")
    assert status == "200"
    assert json.loads(manifest)["layers"]


def test_an_unknown_image_is_refused(host: Host) -> None:
    answer = get(host, REGISTRY, "/v2/docker.io/library/not-in-the-bundle/manifests/1")

    assert answer.strip() == "404"


def test_nothing_can_be_added(host: Host) -> None:
    program = (
        "import ssl, urllib.request, urllib.error; c = ssl._create_unverified_context();"
        f"r = urllib.request.Request('https://127.0.0.1:{REGISTRY}/v2/a/b/blobs/uploads/', method='POST', data=b'');\n"
        "try: print(urllib.request.urlopen(r, context=c, timeout=5).status)\n"
        "except urllib.error.HTTPError as e: print(e.code)\n"
    )

    assert host.check_output("python3 -c %s", program).strip() == "405"


def test_only_the_bundles_own_files_are_given(host: Host) -> None:
    assert get(host, FILES, "/RELEASE").startswith("200 format: pib/1")
    assert get(host, FILES, "/manifest.json").strip() == "404"


def test_the_registry_keeps_no_second_copy(host: Host) -> None:
    kept = host.check_output("du -s --block-size=1M /var/lib/platform/registry").split()[0]

    assert int(kept) < 50
