"""Shape what the catalogue says for one host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlsplit

DOCUMENTATION = r"""
name: packages_for
short_description: The packages a host's components bring, by release
options:
  _input: {description: C(platform_components)., type: dict, required: true}
  groups: {description: The host's groups., type: list, elements: str, required: true}
"""


def runs_on_group(pattern: str, groups: Sequence[str]) -> bool:
    """Return whether a component's C(runs_on) means a host of these groups."""
    names = {part.partition("[")[0] for part in str(pattern).split(":")}
    return bool(names & {"all", *groups})


def packages_for(
    components: Mapping[str, Any], groups: Sequence[str], extra: Sequence[str] = ()
) -> dict[str, list[str]]:
    """Return package names by release; C(default) serves releases not named."""
    mine = [entry["packages"] for entry in components.values() if runs_on_group(entry["runs_on"], groups)]
    releases = {"default", *(release for packages in mine for release in packages)}
    return {
        release: sorted(
            {*extra, *(name for packages in mine for name in packages.get(release, packages.get("default", [])))}
        )
        for release in sorted(releases)
    }


def images_for(components: Mapping[str, Any], groups: Sequence[str]) -> list[str]:
    """Return the images a host has before anything asks for them, by name and tag, as the catalogue orders them."""
    wanted = {"nodes", *({"control_plane", "gpu"} & set(groups))}
    images = [image for entry in components.values() for image in entry["images"] if image["hosts"] in wanted]
    # What starts a control plane comes first.
    images.sort(key=lambda image: image["hosts"] != "control_plane")
    return [f"{image['name']}:{image['version']}" for image in images]


def registry_files(registries: Sequence[str], content: str) -> list[dict[str, str]]:
    """Return the files that tell containerd who answers for each registry; C(@REGISTRY@) stands for its name."""
    return [
        {
            "path": f"/etc/containerd/certs.d/{name}/hosts.toml",
            "content": content.replace("@REGISTRY@", name),
            "mode": "0644",
        }
        for name in registries
    ]


def nth_address(network: str, number: int) -> str:
    """Return an address of a network by its place, from 0."""
    return str(ip_network(network)[number])


def egress_rules(allowed: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return Cilium's rules that let pods out to what a site allows by TCP, as C(platform_egress_allowed) names it."""

    def network(address: str) -> str:
        return address if "/" in address else f"{address}/{128 if ':' in address else 32}"

    return [
        {
            "toCIDR": [network(entry["address"])],
            "toPorts": [{"ports": [{"port": str(entry["port"]), "protocol": "TCP"}]}],
        }
        for entry in allowed
        if entry.get("protocol", "tcp") == "tcp"
    ]


def needed_by(components: Mapping[str, Any], name: str) -> list[str]:
    """Return what a component needs, directly or not, and what these follow, in no order that matters."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        component = components[waiting.pop()]
        for need in [*component.get("needs", []), *filter(components.__contains__, component.get("follows", []))]:
            if need not in found:
                found.add(need)
                waiting.append(need)
    return sorted(found)


def needed_to_try(components: Mapping[str, Any], name: str) -> list[str]:
    """Return what must be deployed before a component alone can be deployed and verified.

    What its verification needs and stands on the component itself cannot be there before, and is left out.
    """
    found = set(needed_by(components, name))
    for extra in components[name].get("verify_needs", []):
        below = needed_by(components, extra)
        if name not in below:
            found |= {extra, *below}
    return sorted(found)


def having(hosts: Sequence[str], hostvars: Mapping[str, Any], path: str) -> list[str]:
    """Return the hosts for which a registered value, named with dots, is there and true."""
    found = []
    for host in hosts:
        value: Any = hostvars[host]
        for part in path.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if value:
            found.append(host)
    return found


def wanted(components: Mapping[str, Any], without: Mapping[str, str]) -> dict[str, Any]:
    """Return the components an inventory has; those it leaves out bring nothing to hosts."""
    return {name: entry for name, entry in components.items() if name not in without}


def namespaces_in(components: Mapping[str, Any], layer: str) -> dict[str, str]:
    """Return the namespace of each component of a layer that has one."""
    found = {name: entry for name, entry in components.items() if entry["layer"] == layer and "namespace" in entry}
    return {name: entry["namespace"] for name, entry in found.items()}


def package_set(sets: Mapping[str, Mapping[str, Sequence[str]]], chosen: Sequence[str], kernel: str) -> dict[str, Any]:
    """Return the packages of chosen sets by release, as C(platform.base.host) takes them, for one kernel."""
    releases = sorted({release for name in chosen for release in sets.get(name, {})})
    return {
        "default": [],
        **{
            release: sorted(
                {entry.replace("{kernel}", kernel) for name in chosen for entry in sets.get(name, {}).get(release, ())}
            )
            for release in releases
        },
    }


def image_reference(images: Mapping[str, Any], name: str) -> str:
    """Return an image's full reference, by tag for people and by digest for machines."""
    return f"{name}:{images[name]['version']}@{images[name]['digest']}"


def image_by_digest(images: Mapping[str, Any], name: str) -> dict[str, str]:
    """Return an image as charts want it that know of digests."""
    return {"repository": name, "tag": images[name]["version"], "digest": images[name]["digest"]}


def image_by_registry(name: str, images: Mapping[str, Any]) -> dict[str, str]:
    """Return an image as charts want it that put registry, repository and tag together, the digest behind the tag."""
    registry, _, repository = name.partition("/")
    return {
        "registry": registry,
        "repository": repository,
        "tag": f"{images[name]['version']}@{images[name]['digest']}",
    }


def image_with_tag(name: str, images: Mapping[str, Any], *settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a chart's part, and its image by a tag with the digest behind it."""
    image = {"repository": name, "tag": f"{images[name]['version']}@{images[name]['digest']}"}
    return {"image": image, **{key: value for entry in settings for key, value in entry.items()}}


def programs(names: Sequence[str], files: Mapping[str, Any], folder: str) -> list[dict[str, str]]:
    """Return entries that put programs of the bundle into a folder."""
    return [{"path": f"{folder}/{name}", "digest": files[name]["digest"]} for name in names]


def picked(kept: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    """Return entries of a mapping under other names."""
    return {name: kept[old] for name, old in names.items()}


def tcp_ports(numbers: Sequence[int]) -> list[dict[str, str]]:
    """Return ports as policies of the network take them."""
    return [{"port": str(number), "protocol": "TCP"} for number in numbers]


def place_of_url(url: str) -> str:
    """Return where a URL's server answers, as C(host:port)."""
    found = urlsplit(url)
    usual = {"https": 443, "http": 80, "ldaps": 636, "ldap": 389}
    return f"{found.hostname}:{found.port or usual[found.scheme]}"


def left_on_nodes(
    components: Mapping[str, Any], own: Mapping[str, Sequence[str]] | None = None
) -> dict[str, list[str]]:
    """Return what components leave in a node's kernel, with what a role itself leaves, by kind."""
    described = [*(entry["leaves"] for entry in components.values()), own or {}]
    kinds = sorted({kind for leaves in described for kind in leaves} - {"paths"})
    return {kind: sorted({name for leaves in described for name in leaves.get(kind, [])}) for kind in kinds}


def absent(paths: Sequence[str]) -> list[dict[str, str]]:
    """Return entries that take paths away."""
    return [{"path": path, "state": "absent"} for path in paths]


def paths_left_on_nodes(components: Mapping[str, Any]) -> list[str]:
    """Return the files and folders that components leave on nodes."""
    return [path for entry in components.values() for path in entry["leaves"].get("paths", [])]


def blobs(artifacts: Mapping[str, Any]) -> list[str]:
    """Return where each thing of the lock lies in the bundle."""
    entries = [entry for kind in ("charts", "files", "images") for entry in artifacts[kind].values()]
    entries += [entry for wheels in artifacts["wheels"].values() for entry in wheels]
    return sorted({entry["path"] for entry in entries})


def secret_files(contents: Mapping[str, str]) -> list[dict[str, str]]:
    """Return entries for files that only root may read."""
    return [{"path": path, "content": content, "mode": "0600"} for path, content in sorted(contents.items())]


class FilterModule:
    """Filters over the catalogue."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {
            "absent": absent,
            "blobs": blobs,
            "egress_rules": egress_rules,
            "image_by_digest": image_by_digest,
            "image_by_registry": image_by_registry,
            "having": having,
            "image_reference": image_reference,
            "image_with_tag": image_with_tag,
            "images_for": images_for,
            "left_on_nodes": left_on_nodes,
            "namespaces_in": namespaces_in,
            "needed_by": needed_by,
            "needed_to_try": needed_to_try,
            "nth_address": nth_address,
            "packages_for": packages_for,
            "package_set": package_set,
            "paths_left_on_nodes": paths_left_on_nodes,
            "picked": picked,
            "place_of_url": place_of_url,
            "programs": programs,
            "registry_files": registry_files,
            "runs_on_group": runs_on_group,
            "secret_files": secret_files,
            "tcp_ports": tcp_ports,
            "wanted": wanted,
        }
