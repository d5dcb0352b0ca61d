"""Rules on services of the site that components use, and on what they are to be called and how large."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_address

from ansible_collections.platform.base.plugins.module_utils.preflight_rules.model import (
    AllFacts,
    Check,
    Facts,
    Finding,
    HostFinding,
    answer,
    asks_for,
    listed,
)

# As S3 wants them, and without dots, which certificates' names would not cover.
_BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")


def services_answer(facts: Facts, services: Sequence[str]) -> Iterator[Finding]:
    """Pods reach a database, a cache or who logs people in from whichever host they run on.

    Services are `host:port`.
    """
    for service in services:
        found = answer(facts, "connections", service)
        if found != "open":
            yield Finding(
                f"does not reach {service}: {found}.", "Start the service, open the way to it, or correct its address."
            )


def service_address_in_range(
    hosts: AllFacts, address: str, start: str, stop: str, variable: str
) -> Iterator[HostFinding]:
    """An address for a service is given out of the load balancer's range alone."""
    if not address:
        yield _told(hosts, f"would give a service no address: `{variable}` is empty.", f"Choose one for `{variable}`.")
        return
    if not start or not stop:
        cure = "Set `platform_load_balancer_addresses`."
        yield _told(hosts, f"would give out {address}, and there are no addresses for services.", cure)
        return
    wanted, first, last = (ip_address(entry) for entry in (address, start, stop))
    if wanted.version != first.version or not first.packed <= wanted.packed <= last.packed:
        yield _told(
            hosts, f"would give out {address}, which is not within {start} to {stop}.",
            f"Choose `{variable}` from `platform_load_balancer_addresses`.",
        )  # fmt: skip


def certificate_name_signed(hosts: AllFacts, name: str, domain: str) -> Iterator[HostFinding]:
    """The platform's authority signs names of the platform's domain alone."""
    if not name.endswith(f".{domain}"):
        yield _told(
            hosts, f"would ask for a certificate of {name}, which is not below {domain}.",
            "Choose a name below `platform_domain`.",
        )  # fmt: skip


def volumes_large_enough(
    hosts: AllFacts, gib: Mapping[str, int], least_gib: Mapping[str, int]
) -> Iterator[HostFinding]:
    """A volume that is full stops what writes to it, and few kinds of volumes grow."""
    small = [f"{name} ({gib[name]} GiB, at least {least})" for name, least in least_gib.items() if gib[name] < least]
    if small:
        yield _told(hosts, f"would make volumes that are soon full: {listed(small)}.", "Make them larger.")


def bucket_named_well(hosts: AllFacts, bucket: str) -> Iterator[HostFinding]:
    """A store of objects refuses buckets with other names."""
    if not _BUCKET.fullmatch(bucket):
        yield _told(
            hosts, f"would use a bucket called {bucket!r}, which S3 takes not.",
            "Use 3 to 63 small letters, digits and hyphens.",
        )  # fmt: skip


def cache_reached_one_way(hosts: AllFacts, sentinel: str, tls: bool) -> Iterator[HostFinding]:
    """Harbor's registry finds a cache by sentinels, or speaks TLS to it, and does not do both."""
    if sentinel and tls:
        yield _told(
            hosts, f"would reach the cache {sentinel} by sentinels and by TLS, which the registry cannot.",
            "Name one address that speaks TLS, or sentinels that do not.",
        )  # fmt: skip


def _told(hosts: AllFacts, message: str, cure: str) -> HostFinding:
    """Return what the inventory says wrongly, once for all hosts."""
    return HostFinding(next(iter(hosts)), message, cure)


CHECKS = (Check(services_answer, asks_for("connections", "services")),)
COMPARISONS = (
    Check(service_address_in_range), Check(certificate_name_signed), Check(volumes_large_enough),
    Check(bucket_named_well), Check(cache_reached_one_way),
)  # fmt: skip
