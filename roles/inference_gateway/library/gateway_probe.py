#!/usr/bin/python
"""Ask the platform's models as an application of the site does: through the door, with a key."""

from __future__ import annotations

DOCUMENTATION = r"""
module: gateway_probe
short_description: Ask the models through the site's door
description:
  - Each model must answer a prompt through the traffic router's address, whole and as a stream, with the same text. The
    server must be the one that the platform's authority vouches for.
  - Copies count together: an answer tells the limit of the key, and not the share that a copy grants alone.
  - Who has no key is refused, as is a model that there is not, and a body that is none.
extends_documentation_fragment: [platform.base.vault]
options:
  kubeconfig: {description: How to reach the cluster., type: path, required: true}
  namespace: {description: Where the gateway runs., type: str, required: true}
  door: {description: "The traffic router's namespace, where a service has an address.", type: str, required: true}
  host: {description: The name callers know the gateway by., type: str, required: true}
  authority: {description: Who signed its certificate., type: path, required: true}
  key: {description: "Verification's own key, C(TENANT/NAME).", type: str, required: true}
  models: {description: Models that callers can name., type: dict, required: true}
  limit: {description: How often the key may ask within a window., type: int, required: true}
  seconds: {description: How long it may take to be there., type: float, required: true}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Ask them
  gateway_probe:
    vault: "{{ platform_vault_access }}"
    kubeconfig: /etc/platform/kubeconfig
    namespace: inference-gateway
    door: traffic-router
    host: inference.example.com
    authority: /etc/platform/ca.crt
    key: platform-verify/verify
    models: {tiny: {url: "http://tiny.llamacpp.svc"}}
    limit: 600
    seconds: 300
"""

RETURN = r"""
platform_report:
  description: Where it answers, and each model with the milliseconds of an answer and of a stream's first piece.
  returned: always
  type: dict
"""

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.kubectl import Kubectl, KubectlFailed, door_address
from ansible_collections.platform.base.plugins.module_utils.vault_site import (
    ACCESS,
    VaultProblem,
    read_secret,
    vault_of,
)
from ansible_collections.platform.base.plugins.module_utils.web_door import Answer, Door, NoAnswer, door_of

_PORT = 443
_ANSWER_SECONDS = 60
# Not kept between verifications: what is asked must reach the model each time.
_ASKED = {"temperature": 0.0, "seed": 1, "max_tokens": 16}


class Caller:
    """An application of the site.

    Args:
        door: the way to the gateway.
        key: what it is known by; nobody when empty.
    """

    def __init__(self, door: Door, key: str) -> None:
        self._door = door
        self._headers = {"Content-Type": "application/json"}
        if key:
            self._headers["Authorization"] = f"Bearer {key}"

    def get(self, path: str) -> Answer:
        """Return what is answered to a question.

        Raises:
            NoAnswer: nothing.
        """
        return self._door.request("GET", path, self._headers)

    def post(self, path: str, body: Any) -> Answer:
        """Return what is answered to a body; text is sent as it is.

        Raises:
            NoAnswer: nothing.
        """
        content = body if isinstance(body, str) else json.dumps(body)
        return self._door.request("POST", path, self._headers, content.encode())


def streamed(content: bytes) -> str:
    """Return the text of a stream of chat's pieces.

    Raises:
        ValueError: it has no end, or tells of an error.
    """
    lines = [line.removeprefix("data:").strip() for line in content.decode().splitlines() if line.startswith("data:")]
    if not lines or lines[-1] != "[DONE]":
        raise ValueError("the stream has no end")
    pieces = [json.loads(line) for line in lines[:-1]]
    if broken := [piece["error"] for piece in pieces if "error" in piece]:
        raise ValueError(f"the stream tells of an error: {broken[0]}")
    return "".join(
        choice["delta"].get("content") or "" for piece in pieces for choice in piece["choices"] if "delta" in choice
    )


def misanswers(caller: Caller, model: str, prompt: str, limit: int) -> Iterator[str]:
    """Yield what is wrong with how a model answers, whole and in pieces."""
    body = {**_ASKED, "model": model, "messages": [{"role": "user", "content": prompt}]}
    whole = caller.post("/v1/chat/completions", body)
    if whole.status != 200:
        yield f"a prompt was answered {whole.status}: {whole.content.decode(errors='replace')[:200]}"
        return
    if (told := whole.headers.get("RateLimit-Limit")) != str(limit):
        yield f"its limit is {told}, and not {limit}: a copy counts alone, as Valkey does not answer it"
    text = json.loads(whole.content)["choices"][0]["message"]["content"]
    in_pieces = caller.post("/v1/chat/completions", {**body, "stream": True})
    if in_pieces.status != 200:
        yield f"a stream was answered {in_pieces.status}: {in_pieces.content.decode(errors='replace')[:200]}"
        return
    try:
        pieces = streamed(in_pieces.content)
    except ValueError as error:
        yield str(error)
        return
    if not text or text != pieces:
        yield f"it says {text!r}, and {pieces!r} in pieces, at temperature 0"


def misjudged(caller: Caller, stranger: Caller, models: Mapping[str, Any]) -> Iterator[str]:
    """Yield which requests get another status than they must."""
    listed = {entry["id"] for entry in json.loads(caller.get("/v1/models").content)["data"]}
    if missing := sorted(set(models) - listed):
        yield f"/v1/models does not name {', '.join(missing)}"
    asked = {"model": next(iter(models)), "messages": [{"role": "user", "content": "hello"}]}
    cases = [
        ("who has no key", stranger.post("/v1/chat/completions", asked), 401),
        ("a model that there is not", caller.post("/v1/chat/completions", {**asked, "model": "there-is-none"}), 404),
        ("a body without messages", caller.post("/v1/chat/completions", {"model": asked["model"]}), 422),
        ("a body that is no JSON", caller.post("/v1/chat/completions", "{"), 422),
        ("its measures, asked from outside", caller.get("/metrics"), 404),
    ]
    for what, answer, expected in cases:
        if answer.status != expected:
            yield f"{what} was answered {answer.status}, and not {expected}"


def tried(door: Door, key: str, given: Mapping[str, Any], prompt: str) -> tuple[list[str], dict[str, int]]:
    """Return what is wrong, and the milliseconds of each model's answers."""
    caller, stranger, models = Caller(door, key), Caller(door, ""), given["models"]
    wrong, took = [], {}
    for model in sorted(models):
        began = time.monotonic()
        wrong += [f"{model}: {fault}" for fault in misanswers(caller, model, prompt, given["limit"])]
        took[model] = round((time.monotonic() - began) * 1000)
    if models:
        wrong += misjudged(caller, stranger, models)
    return wrong, took


def until_right(door: Door, given: Mapping[str, Any], key: str) -> tuple[list[str], dict[str, int]]:
    """Return nothing wrong, or what still is when the time is over: copies learn of keys and models within a minute."""
    end = time.monotonic() + given["seconds"]
    while True:
        try:
            # Kept answers must not be what proves a model: no two verifications ask the same.
            wrong, took = tried(door, key, given, f"Are you there at {time.time()}?")
        except NoAnswer as failure:
            wrong, took = [str(failure)], {}
        if not wrong or time.monotonic() >= end:
            return wrong, took
        time.sleep(3)


def main() -> None:
    """Run the module."""
    text = {"type": "str", "required": True}
    path = {"type": "path", "required": True}
    module = AnsibleModule(
        argument_spec={
            "vault": ACCESS, "kubeconfig": path, "namespace": text, "door": text, "host": text, "authority": path,
            "key": {**text, "no_log": False}, "models": {"type": "dict", "required": True},
            "limit": {"type": "int", "required": True},
            "seconds": {"type": "float", "required": True},
        },
        supports_check_mode=True,
    )  # fmt: skip
    if module.check_mode:
        module.exit_json(changed=False, platform_report={})
    given = module.params
    cluster = Kubectl(given["kubeconfig"])
    try:
        cluster.await_rollout("deployment/inference-gateway", given["namespace"], given["seconds"])
        address = door_address(cluster, given["door"])
        where = {"address": address, "port": _PORT, "name": given["host"], "authority": given["authority"]}
        door = door_of(where, _ANSWER_SECONDS)
        with vault_of({**given, "seconds": 120}) as client:
            key = read_secret(client, "inference_gateway/keys").get(given["key"], "")
    except (KubectlFailed, NoAnswer, VaultProblem) as failure:
        module.fail_json(msg=str(failure))
    wrong, took = until_right(door, given, key)
    if wrong:
        module.fail_json(
            msg=f"{given['host']} at {address} does not answer as it must: {'; '.join(wrong)}.", evidence=wrong
        )
    module.exit_json(changed=False, platform_report={"address": address, "milliseconds": took})


if __name__ == "__main__":
    main()
