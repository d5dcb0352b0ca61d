"""The runtime, used through its own interface."""

from __future__ import annotations

import json

from testinfra.host import Host

testinfra_hosts = ["ansible://control_plane?force_ansible=True", "ansible://worker?force_ansible=True"]


def test_the_runtime_is_ready(host: Host) -> None:
    conditions = json.loads(host.check_output("crictl info"))["status"]["conditions"]

    ready = {condition["type"]: condition["status"] for condition in conditions}

    assert ready["RuntimeReady"] is True


def test_a_pod_starts_from_an_upstream_name(host: Host) -> None:
    image = host.check_output("grep registry.k8s.io/pause: /etc/platform/images.list")

    started = host.run("/usr/local/lib/platform/try-pod %s", image)

    assert started.rc == 0, started.stderr
    assert "SANDBOX_READY" in started.stdout
    assert host.check_output("crictl pods --quiet --namespace platform") == "", "The pod was taken away again."


def test_an_image_the_bundle_lacks_is_refused_at_once(host: Host) -> None:
    pulled = host.run("timeout 10 crictl pull docker.io/library/not-in-the-bundle:1")

    assert pulled.rc == 1
    assert "not found" in pulled.stderr


def test_a_registry_nobody_named_is_answered_by_the_platforms(host: Host) -> None:
    pulled = host.run("timeout 10 crictl pull registry.example.com/anything:1")

    assert pulled.rc == 1
    assert "not found" in pulled.stderr


def test_the_platforms_images_are_pinned(host: Host) -> None:
    images = json.loads(host.check_output("crictl images --output json"))["images"]

    pinned = {tag for image in images if image.get("pinned") for tag in image["repoTags"]}

    assert any(tag.startswith("registry.k8s.io/pause:") for tag in pinned)


def test_others_may_add_settings(host: Host) -> None:
    assert host.file("/etc/containerd/conf.d").is_directory
    assert "/etc/containerd/conf.d/*.toml" in host.check_output("containerd config dump")
