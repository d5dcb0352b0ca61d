"""Search all that a run leaves behind for what is secret: on hosts, in the cluster, and where the command was run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from tests.system.planted import sent
from tests.system.secret_search import Searcher, Secret, in_files, in_object
from tests.system.site import CONTROL_PLANES, HOSTS, LabSite

FOLDERS = (
    "/etc", "/home", "/root", "/srv", "/tmp", "/var/tmp", "/var/log", "/var/lib/platform", "/var/lib/kubelet/pki",
)  # fmt: skip
# The journal is read as it is shown, for its files are packed.
_WITHOUT = ("/var/log/journal",)
# Of what the API has: measurements of now, the same events by another name, and a kind that is no more.
_NOT_KEPT = (".metrics.k8s.io", "events.events.k8s.io", "componentstatuses")


def findings(site: LabSite, secrets: Sequence[Secret]) -> list[str]:
    """Return where a secret was found that is not at home there, by place and name; never the value."""
    searcher = Searcher(secrets)
    with ThreadPoolExecutor() as pool:
        of_hosts = pool.map(lambda host: on_host(site, host, secrets), HOSTS)
        found = [*in_state(site, searcher), *in_said(site, searcher), *in_seen(site, searcher)]
        found += in_cluster(site, searcher)
        return sorted({*found, *(finding for several in of_hosts for finding in several)})


def on_host(site: LabSite, host: str, secrets: Sequence[Secret]) -> list[str]:
    """Return what is found on a host, in one pass over it."""
    program = sent("search_host", secrets, FOLDERS, _WITHOUT, host in CONTROL_PLANES)
    return [f"{host}: {finding}" for finding in json.loads(site.python(host, program))]


def in_state(site: LabSite, searcher: Searcher) -> list[str]:
    """Return what is found in the state directory: the journal, reports, and what is kept of each step."""
    from_media = [str(site.state / name) for name in ("bundle", "bin/kubectl-program")]
    return list(in_files(searcher, [str(site.state)], from_media))


def in_said(site: LabSite, searcher: Searcher) -> list[str]:
    """Return what is found in what the command wrote while this site was worked."""
    return [f"what the command wrote: {secret.name}" for secret in searcher.of("\n".join(site.said).encode())]


def in_seen(site: LabSite, searcher: Searcher) -> Iterator[str]:
    """Yield what is found in arguments and environments of programs that ran while hosts were watched."""
    for host in HOSTS:
        told = site.seen.get(host, b"")
        assert b"PATH=" in told, f"Nobody watched {host}."
        yield from (f"{host}: what a program was told meanwhile: {secret.name}" for secret in searcher.of(told))


def in_cluster(site: LabSite, searcher: Searcher) -> Iterator[str]:
    """Yield what is found in objects of every kind, and in what is said about Secrets."""
    kinds = site.kubectl("api-resources", "--verbs=list", "--output=name").split()
    kept = [kind for kind in kinds if not kind.endswith(_NOT_KEPT)]
    assert {"secrets", "configmaps", "pods"} <= set(kept)
    listing = ("get", ",".join(kept), "--all-namespaces", "--output=json", "--request-timeout=20s")
    for document in json.loads(site.kubectl(*listing))["items"]:
        yield from in_object(searcher, document)
