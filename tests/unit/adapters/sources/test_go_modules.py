"""The text of the small module a released one is built from."""

from __future__ import annotations

from dataclasses import replace

from installer.adapters.sources.go_modules import imports, initial_module, own_folders
from installer.model.artifact import GoModule

UPSTREAM = {
    "Go": "1.26.0",
    "Require": [{"Path": "example.com/lib", "Version": "v1.2.3"}],
    "Replace": [
        {"Old": {"Path": "k8s.io/api"}, "New": {"Path": "./staging/src/k8s.io/api"}},
        {"Old": {"Path": "example.com/lib"}, "New": {"Path": "./lib"}},
        {"Old": {"Path": "example.com/unused"}, "New": {"Path": "../unused"}},
        {"Old": {"Path": "example.com/a", "Version": "v1.0.0"}, "New": {"Path": "example.com/b", "Version": "v2.0.0"}},
        {"Old": {"Path": "example.com/ours"}, "New": {"Path": "example.com/c", "Version": "v3.0.0"}},
    ],
    "Exclude": [{"Path": "example.com/bad", "Version": "v0.1.0"}],
}
SPEC = GoModule(
    "k8s.io/kubernetes",
    "v1.36.4",
    {"kubelet": "cmd/kubelet", "root": "."},
    "Apache-2.0",
    replace={"example.com/ours": "example.com/fork@v9.0.0", "example.com/local": "fork"},
)


def test_upstreams_replacements_are_repeated_with_released_versions() -> None:
    lines = initial_module(SPEC, UPSTREAM).splitlines()

    assert "require k8s.io/kubernetes v1.36.4" in lines
    assert "replace k8s.io/api => k8s.io/api v0.36.4" in lines
    assert "replace example.com/lib => example.com/lib v1.2.3" in lines
    assert "replace example.com/a v1.0.0 => example.com/b v2.0.0" in lines
    assert "exclude example.com/bad v0.1.0" in lines
    assert not any("unused" in line for line in lines)


def test_our_replacements_come_before_upstreams() -> None:
    lines = initial_module(SPEC, UPSTREAM).splitlines()

    assert [line for line in lines if "example.com/ours" in line] == [
        "replace example.com/ours => example.com/fork v9.0.0"
    ]
    assert "replace example.com/local => ./replaced/fork" in lines


def test_every_programs_package_stays_in_the_build_list() -> None:
    source = imports(SPEC)

    assert '_ "k8s.io/kubernetes/cmd/kubelet"' in source
    assert '_ "k8s.io/kubernetes"\n' in source


def test_a_module_that_files_are_added_to_is_built_from_its_copy() -> None:
    added = replace(SPEC, additions={"ui/dist": "page"})

    lines = initial_module(added, UPSTREAM).splitlines()

    assert "replace k8s.io/kubernetes => ./replaced/released" in lines
    assert "require k8s.io/kubernetes v1.36.4" in lines
    assert not any("released" in line for line in initial_module(SPEC, UPSTREAM).splitlines())


def test_programs_are_made_of_what_is_added_too() -> None:
    assert own_folders(replace(SPEC, additions={"ui/dist": "page"})) == ("fork", "page")
