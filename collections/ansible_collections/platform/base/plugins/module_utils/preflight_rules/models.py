"""Rules on the models that a site serves, and on the GPUs that its hosts have for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.model_scaling import counts_of, scaled
from ansible_collections.platform.base.plugins.module_utils.preflight_rules.model import (
    AllFacts,
    Check,
    HostFinding,
    listed,
)
from ansible_collections.platform.base.plugins.module_utils.served_models import (
    Copy,
    Models,
    Terms,
    copies_in_release,
    copies_of,
    filled,
    mistakes,
    without_a_place,
)

Offered = Mapping[str, Mapping[str, int]]


def models_can_be_served(
    hosts: AllFacts, models: Models, terms: Terms, images: Mapping[str, Any]
) -> Iterator[HostFinding]:
    """A model without an image that is pinned, or with words that mean nothing, is no model that can be served.

    `terms` are what an engine says of its models; `images` are the bundle's, and none where there is no bundle yet.
    """
    for entry in mistakes(models, terms, images or None):
        yield _told(hosts, f"would not serve {entry.model} of {terms['variable']}: {entry.what}.", entry.cure)


def models_can_be_scaled(
    hosts: AllFacts, models: Models, terms: Terms, present: Sequence[str]
) -> Iterator[HostFinding]:
    """Copies follow a model's load where the site has what measures it and what scales by that, and nowhere else.

    `present` are the site's components.
    """
    missing = [name for name in terms.get("scaled_by", ()) if name not in present]
    for name in scaled(models) if missing else ():
        yield _told(
            hosts,
            f"would not scale {name} of {terms['variable']}: the site is without {listed(missing)}.",
            f"Take {listed(missing)} out of `platform_without`, or write `replicas` in place of `autoscaling`.",
        )


def gpus_for_models(hosts: AllFacts, models: Models, terms: Terms, offered: Offered) -> Iterator[HostFinding]:
    """A copy of a model that finds its GPUs on no host waits for ever.

    `offered` is by host how many of each resource it has.
    """
    if list(mistakes(models, terms, None)):
        return
    known = filled(models, terms)
    waiting = without_a_place(copies_of(known), offered)
    for name in sorted({copy.model for copy in waiting}):
        left, model = [copy for copy in waiting if copy.model == name], known[name]
        yield _told(
            hosts,
            f"would have {len(left)} of {counts_of(model)[-1]} copies of {name} wait for {_shown(left[0])} on one host;"
            f" {_offers(offered)}.",
            f"Ask for less in `{terms['variable']}`, or give hosts a class that has it.",
        )


def gpus_for_releases(
    hosts: AllFacts, models: Models, terms: Terms, offered: Offered, shares: Sequence[int]
) -> Iterator[HostFinding]:
    """A release begins with a copy, or all, beside those that answer; without GPUs for them, it is taken back.

    `shares` are those of requests after which a release is judged.
    """
    if list(mistakes(models, terms, None)):
        return
    known = filled(models, terms)
    copies = copies_of(known)
    if without_a_place(copies, offered):
        return
    for name in known:
        own = [copy for copy in copies if copy.model == name]
        more = own[:1] * (copies_in_release(known[name], shares) - len(own)) if own else []
        if left := without_a_place([*copies, *more], offered):
            yield _told(
                hosts,
                f"has no room for releases of {name} of {terms['variable']}: {len(left)} times {_shown(own[0])} is"
                f" missing beside its {len(own)} copies.",
                "Leave as much free; or take the model out of the inventory, and put its next version in afterwards.",
            )


def _shown(copy: Copy) -> str:
    return f"{copy.gpus} {copy.resource}"


def _offers(offered: Offered) -> str:
    if not offered:
        return "there are no hosts with GPUs"
    each = (
        f"{host} offers {listed(f'{count} {name}' for name, count in resources.items())}"
        for host, resources in offered.items()
    )
    return listed(each)


def _told(hosts: AllFacts, message: str, cure: str) -> HostFinding:
    """Return what the inventory says wrongly, once for all hosts."""
    return HostFinding(next(iter(hosts)), message, cure)


CHECKS = (
    Check(models_can_be_served),
    Check(models_can_be_scaled),
    Check(gpus_for_models),
    Check(gpus_for_releases, warns=True),
)
