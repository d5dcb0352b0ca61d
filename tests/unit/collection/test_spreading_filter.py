"""Copies of one service are on hosts of their own."""

from __future__ import annotations

from ansible_collections.platform.base.plugins.filter.spreading import kept_apart


def test_no_host_has_two_copies_of_a_revision_while_another_has_none() -> None:
    (constraint,) = kept_apart({"app": "shop"}, "hash")

    assert (constraint["maxSkew"], constraint["topologyKey"]) == (1, "kubernetes.io/hostname")
    assert constraint["whenUnsatisfiable"] == "DoNotSchedule"
    assert (constraint["labelSelector"], constraint["matchLabelKeys"]) == ({"matchLabels": {"app": "shop"}}, ["hash"])


def test_a_host_that_is_lost_holds_no_copy_up() -> None:
    (constraint,) = kept_apart({"app": "shop"})

    assert constraint["nodeTaintsPolicy"] == "Honor"
