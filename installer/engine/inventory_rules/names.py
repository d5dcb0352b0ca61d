"""Names: variables, groups and hosts that there are, and how many of each there must be."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator

from installer.engine.inventory_rules.subject import Subject, did_you_mean, is_opaque, listed
from installer.errors import Problem
from installer.model.inventory import ALL, Level, Setting, texts_of

# Every variable by which an inventory may tell Ansible how to reach a host.
CONNECTION = frozenset(
    """
    ansible_become ansible_become_exe ansible_become_flags ansible_become_method ansible_become_pass
    ansible_become_password ansible_become_user ansible_connection ansible_control_path ansible_control_path_dir
    ansible_group_priority ansible_host ansible_host_key_checking ansible_password ansible_pipelining ansible_port
    ansible_private_key_file ansible_python_interpreter ansible_remote_tmp ansible_scp_extra_args
    ansible_sftp_extra_args ansible_shell_executable ansible_shell_type ansible_ssh_args ansible_ssh_common_args
    ansible_ssh_executable ansible_ssh_extra_args ansible_ssh_host_key_checking ansible_ssh_password
    ansible_ssh_pipelining ansible_ssh_port ansible_ssh_private_key_file ansible_ssh_retries ansible_ssh_timeout
    ansible_ssh_transfer_method ansible_ssh_user ansible_timeout ansible_user
    """.split()
)
_ANSIBLE = "ansible_"
_BUILT_IN_GROUPS = (ALL, "ungrouped")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?\Z")
_LONGEST_LABEL = 63
_NEAR, _VERY_NEAR = 0.65, 0.8


def unknown_variables(subject: Subject) -> Iterator[Problem]:
    """Find variables that nothing reads; Ansible accepts every misspelt name without a word."""
    helpers = _read_by_templates(subject)
    for setting in subject.settings:
        name = setting.name
        if name in subject.interface.variables or name in CONNECTION or name in helpers:
            continue
        prefix = _prefix(subject, name)
        near = _nearest(name, prefix, CONNECTION if name.startswith(_ANSIBLE) else subject.interface.variables)
        if not setting.lines and not near and not prefix:
            # A program that makes an inventory sets many variables of its own.
            continue
        cure = near or f"{_listing(prefix)} lists those there are; remove this one."
        yield Problem(setting.where(), f"{name} is a variable that nothing reads.", cure)


def unknown_groups(subject: Subject) -> Iterator[Problem]:
    """Find groups that no component runs on."""
    known = subject.interface.groups
    for name, where in subject.inventory.groups.items():
        if name in known or name in _BUILT_IN_GROUPS:
            continue
        near = did_you_mean(name, known)
        if not where and not near:
            # Programs that make an inventory make groups of their own.
            continue
        cure = near or f"Groups are {listed(known)}."
        if name in subject.inventory.hosts:
            cure = f"It is a host: its variables go to host_vars/{name}.yml."
        yield Problem(where or str(subject.inventory.path), f"{name} is no group of the platform.", cure)


def variables_of_nobody(subject: Subject) -> Iterator[Problem]:
    """Find files below `host_vars` for hosts that do not exist."""
    hosts = subject.inventory.hosts
    strays = {s.owner: s.file for s in subject.inventory.settings if s.level is Level.HOST and s.owner not in hosts}
    for owner, file in strays.items():
        cure = did_you_mean(owner, hosts, "Add the host, or remove the file.")
        yield Problem(file, f"sets variables of {owner}, which is no host here.", cure)


def hosts_without_group(subject: Subject) -> Iterator[Problem]:
    """Find hosts that nothing would run on."""
    for host in subject.inventory.hosts.values():
        if not host.groups:
            cure = f"Write it below one of {listed(subject.interface.groups)}."
            yield Problem(subject.inventory.where(host.name), f"{host.name} is in no group.", cure)


def host_names(subject: Subject) -> Iterator[Problem]:
    """Find names that cannot be one label of a name in the DNS, which nodes and certificates need."""
    for name in subject.inventory.hosts:
        where = subject.inventory.where(name)
        if not _LABEL.match(name):
            better = re.sub(r"[^a-z0-9-]", "-", name.partition(".")[0].lower()).strip("-")
            message = f"{name} is no name for a host: use small letters, digits and `-`."
            yield Problem(where, message, f"Write {better}; `platform_domain` is added to it." if better else "")
        elif len(name) > _LONGEST_LABEL:
            message = f"{name} has {len(name)} letters; a host's name has {_LONGEST_LABEL} at most."
            yield Problem(where, message, "Give it a shorter one.")


def group_sizes(subject: Subject) -> Iterator[Problem]:
    """Find groups with more or fewer hosts than the platform can work with."""
    inventory = subject.inventory
    admins, planes = inventory.members("admin"), inventory.members("control_plane")
    if len(admins) != 1:
        count = f"has {len(admins)} hosts, {listed(admins)}" if admins else "has no host"
        cure = "One host carries the bundle and speaks to the cluster: name one below `admin`."
        yield Problem(inventory.where("admin"), f"The group admin {count}; it must have one.", cure)
    if not planes:
        cure = "Name one, three or five hosts below `control_plane`."
        yield Problem(inventory.where("control_plane"), "The group control_plane has no host.", cure)
    elif len(planes) % 2 == 0:
        message = f"The group control_plane has {len(planes)} hosts; an odd number survives as much with one fewer."
        yield Problem(inventory.where("control_plane"), message, "Name one, three or five hosts.")
    for name in inventory.members("gpu"):
        if "worker" not in inventory.hosts[name].groups:
            cure = f"Write {name} below `worker` too, or make `gpu` a child of `worker`."
            yield Problem(inventory.where(name), f"{name} is in the group gpu and not in worker.", cure)


def settings_twice(subject: Subject) -> Iterator[Problem]:
    """Find variables that one host, one group or everybody is given twice, with different values."""
    first: dict[tuple[Level, str, str], Setting] = {}
    for setting in subject.inventory.settings:
        before = first.setdefault((setting.level, setting.owner, setting.name), setting)
        if before.value != setting.value:
            whom = "all hosts" if setting.level is Level.ALL else setting.owner
            message = f"{setting.name} of {whom} has another value at {before.where()}."
            yield Problem(setting.where(), message, "Keep one of the two.")


def _read_by_templates(subject: Subject) -> frozenset[str]:
    """Return the words of all templates: a site may name a value of its own, and use it."""
    texts = (text for setting in subject.settings for _, text in texts_of(setting.value) if is_opaque(text))
    return frozenset(word for text in texts for word in re.findall(r"[A-Za-z_]\w*", text))


def _prefix(subject: Subject, name: str) -> str:
    """Return the role, or `platform`, whose variables begin as this name does."""
    owners = sorted({spec.owner or "platform" for spec in subject.interface.variables.values()}, key=len, reverse=True)
    return next((owner for owner in owners if name.startswith(f"{owner}_")), "")


def _nearest(name: str, prefix: str, known: Iterable[str]) -> str:
    """Return a question for the variable that was meant: what all of a role's have in common says nothing."""
    head = f"{prefix}_" if prefix else _ANSIBLE if name.startswith(_ANSIBLE) else ""
    rests = [other.removeprefix(head) for other in known if other.startswith(head)]
    near = difflib.get_close_matches(name.removeprefix(head), rests, n=1, cutoff=_NEAR if head else _VERY_NEAR)
    return f"Did you mean `{head}{near[0]}`?" if near else ""


def _listing(owner: str) -> str:
    if owner in ("", "platform"):
        return "inventories/variables.yml" if owner else "Every role's defaults/main.yml"
    return f"roles/{owner}/defaults/main.yml"


RULES = (
    unknown_variables,
    unknown_groups,
    variables_of_nobody,
    hosts_without_group,
    host_names,
    group_sizes,
    settings_twice,
)
