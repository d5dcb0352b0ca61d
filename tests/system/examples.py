"""Run the examples of an operator's page as they are written, but for the names of the site."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

from tests.repository import PROJECT
from tests.system.planted import kept_in_vault, vault_account
from tests.system.site import LabSite

_PAGE = PROJECT / "docs/operations/serve-a-model.md"
_WRITTEN, _DOMAIN = "platform.example.com", "lab.internal"
_KEY = "radiology/report-assistant"
# The service's own tests have OpenAI's client.
_PYTHON = PROJECT / ".venv.inference_gateway/bin/python"
# An operator's program for the Vault is no part of the platform: here it knows one answer.
_VAULT = f"""#!/bin/sh
[ "$*" = "kv get -field={_KEY} platform/inference_gateway/keys" ] && cat {{folder}}/key
"""


def blocks(language: str) -> list[str]:
    """Return the page's examples of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", _PAGE.read_text(), re.MULTILINE | re.DOTALL)


def prepare(site: LabSite, folder: Path) -> None:
    """Put into a folder what the page takes for given: the authority, the name's address, a way into the Vault."""
    (folder / "hosts").write_text(f"127.0.0.1 localhost\n{site.door()} inference.{_DOMAIN}\n")
    (folder / "ca.crt").write_text(site.on("admin1", "cat /etc/platform/ca.crt"))
    (folder / "key").touch(mode=0o600)
    (folder / "key").write_text(kept_in_vault(site, vault_account(site))["inference_gateway/keys"][_KEY])
    (folder / "vault").write_text(_VAULT.format(folder=folder))
    (folder / "vault").chmod(0o700)


def shell(site: LabSite, folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Run a shell script in the site's network, where names are as in the folder's hosts file."""
    (folder / "script").write_text(script.replace(_WRITTEN, _DOMAIN))
    inside = [str(site.program), "lab", "exec", "--inventory", str(site.inventory)]
    # In a namespace of mounts of its own, so that the machine's names stay as they are.
    named = "mount --bind hosts /etc/hosts && PATH=$PWD:$PATH exec sh -eu script"
    return subprocess.run(
        [*inside, "unshare", "--mount", "sh", "-c", f"cd {folder} && {named}"],
        env=site.environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def said_to_curl(site: LabSite, folder: Path) -> str:
    """Return what the page's `curl` is answered by the model."""
    script = next(block for block in blocks("shell") if "curl " in block)
    done = shell(site, folder, script)
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["choices"][0]["message"]["content"])


def said_to_openai(site: LabSite, folder: Path) -> str:
    """Return what the page's program with OpenAI's client is answered, in pieces."""
    (folder / "example.py").write_text(blocks("python")[0].replace(_WRITTEN, _DOMAIN))
    done = shell(site, folder, f"KEY=$(cat key) {_PYTHON} example.py")
    assert done.returncode == 0, done.stderr
    return done.stdout.removesuffix("\n")
