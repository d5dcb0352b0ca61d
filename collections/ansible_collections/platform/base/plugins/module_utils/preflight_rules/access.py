"""Rules on how people, and the installer, log in to a host."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.platform.base.plugins.module_utils.preflight_rules.model import Check, Facts, Finding, listed


def ssh_keys_present(facts: Facts, passwords: bool, root: str) -> Iterator[Finding]:
    """Once passwords are refused, whoever has no key is locked out, the installer with them.

    `passwords` and `root` are what the platform will allow: whether passwords, and whether root.
    """
    login, found = facts["user"]["login"], facts["ssh"]
    if not passwords and not found["keys"] and not found["other_ways"]:
        yield Finding(
            f"has no key for {login} in {listed(found['files'])}, and passwords will be refused.",
            f"Run `ssh-copy-id` for {login} first.",
        )
    if login == "root" and root == "no":
        yield Finding("is reached as root, whom ssh will refuse.", "Set `ansible_user` to somebody who may use sudo.")


def ssh_reads_drop_ins(facts: Facts) -> Iterator[Finding]:
    """The platform's settings for ssh are a file of their own, which the server must read."""
    if not facts["ssh"]["reads_drop_ins"]:
        yield Finding(
            "has an ssh server that does not read /etc/ssh/sshd_config.d.",
            "Begin /etc/ssh/sshd_config with `Include /etc/ssh/sshd_config.d/*.conf`.",
        )


CHECKS = (Check(ssh_keys_present), Check(ssh_reads_drop_ins))
