"""The verification of the site's registry passes on one that is well, and finds each way in which it is not.

The API is judged by Harbor's own document, images are in a real registry, and what Harbor puts between is a stand-in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible_collections.platform.base.plugins.module_utils.harbor_api import Harbor, HarborRefused
from ansible_collections.platform.base.plugins.module_utils.harbor_wishes import project
from ansible_collections.platform.base.plugins.module_utils.image_signatures import made_key, sign
from ansible_collections.platform.base.plugins.module_utils.registry_client import Registry
from ansible_collections.platform.base.plugins.module_utils.web_door import door_of

from tests.integration.harbor.fake_harbor import FakeHarbor
from tests.integration.harbor.harbor_front import Front
from tests.integration.harbor.harbor_server import application, served
from tests.integration.harbor.registry_server import registry
from tests.loopback_tls import made_authority
from tests.reference import read_reference
from tests.repository import role_folder
from tests.role_programs import loaded

PROBE = loaded(role_folder("harbor") / "library/harbor_probe.py")
SECRETS = loaded(role_folder("harbor") / "library/harbor_secrets.py")
PASSWORD, BUNDLED = "The-first-1", "docker.io/goharbor/harbor-core"
Site = tuple[FakeHarbor, Front, dict[str, Any]]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    document, folder = read_reference("harbor", "swagger-v2.0.yaml"), tmp_path_factory.mktemp("harbor")
    authority = made_authority(folder)
    (behind := folder / "registry").mkdir()
    with registry(behind, SECRETS.htpasswd("inner", "Inner-1", cost=4)) as place:
        harbor = FakeHarbor()
        front = Front(harbor, place, "inner:Inner-1")
        with served(application(harbor, document, front), authority) as port:
            yield (
                harbor,
                front,
                {"address": "127.0.0.1", "name": "127.0.0.1", "port": port, "authority": str(authority)},
            )


@pytest.fixture
def site(running: Site) -> Site:
    harbor, front, _ = running
    harbor.begin(PASSWORD)
    front.faults.clear()
    return running


@pytest.fixture
def use(site: Site) -> Callable[[], None]:
    """Return what uses the registry."""
    _, _, place = site

    def run() -> None:
        door = door_of(place)
        PROBE.probe(Harbor(door, "admin", PASSWORD), door, {**place, "seconds": 1.0})

    return run


def test_one_that_is_well_passes_and_nothing_is_left(site: Site, use: Callable[[], None]) -> None:
    harbor, _, _ = site

    use()

    assert (harbor.projects, harbor.robots, harbor.tags) == ({}, {}, {})


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("mutable", "Another image under the same version is not refused"),
        ("deaf to secrets", "A wrong secret is not refused"),
        ("open", "A wrong secret is not refused"),
        ("unscanned", "is not scanned .nothing after"),
        ("scan fails", "is not scanned .Error"),
        ("unsigned pulls", "An image without a signature is not refused"),
    ],
)
def test_one_that_is_broken_is_found_and_nothing_is_left(
    site: Site, use: Callable[[], None], fault: str, says: str
) -> None:
    harbor, front, _ = site
    front.faults.add(fault)

    with pytest.raises(HarborRefused, match=says):
        use()
    assert (harbor.projects, harbor.robots) == ({}, {})


def given(place: dict[str, Any], digest: str, signed: bool) -> dict[str, Any]:
    return {**place, "image": BUNDLED, "digest": digest, "signed": signed}


def bundled(site: Site) -> str:
    """Put an image of the bundle into the registry, and return its digest."""
    harbor, _, place = site
    harbor.createProject({"project_name": "docker.io", "metadata": project({"public": True})["metadata"]})
    config, layer = PROBE.made_image()
    client = Registry(door_of(place), "admin", PASSWORD)
    return client.push_image(BUNDLED, "v1.0.0", config, "application/vnd.oci.image.config.v1+json", [layer])


def test_an_image_of_the_bundle_is_had_by_anybody_with_its_signature(site: Site) -> None:
    place, digest, keys = site[2], bundled(site), made_key()
    client = Registry(door_of(place), "admin", PASSWORD)

    with pytest.raises(HarborRefused, match="no good signature"):
        PROBE.see_bundled(door_of(place), given(place, digest, True), keys["public_key"])
    sign(client, BUNDLED, digest, keys["private_key"], "registry.example.com")

    PROBE.see_bundled(door_of(place), given(place, digest, True), keys["public_key"])


def test_an_image_of_the_bundle_that_is_not_there_is_found(site: Site) -> None:
    place = site[2]

    with pytest.raises(HarborRefused, match="Nobody can pull"):
        PROBE.see_bundled(door_of(place), given(place, "sha256:" + "0" * 64, False), "")


def test_an_image_of_the_bundle_that_only_some_may_pull_is_found(site: Site) -> None:
    harbor, _, place = site
    digest = bundled(site)
    harbor.projects["docker.io"]["metadata"]["public"] = "false"

    with pytest.raises(HarborRefused, match="Nobody can pull"):
        PROBE.see_bundled(door_of(place), given(place, digest, False), "")
