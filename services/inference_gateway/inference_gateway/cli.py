"""The command: serve, check settings, make and revoke keys, read usage, verify the audit."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson

from inference_gateway.admission import spent_key
from inference_gateway.audit import AuditBroken, record_act, verify
from inference_gateway.errors import SettingsInvalid
from inference_gateway.identity import REVOKED
from inference_gateway.keys import KeyRecord, make_key, read_keys, write_keys
from inference_gateway.owned_files import alone
from inference_gateway.settings import Settings
from inference_gateway.settings_files import load_settings
from inference_gateway.valkey_store import StoreGone, ValkeyStore


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit: 0 fine, 1 a bug, 2 usage, 3 invalid settings, 6 a broken audit, 7 Valkey is gone."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except SettingsInvalid as error:
        sys.exit(_said(3, str(error)))
    except AuditBroken as error:
        sys.exit(_said(6, str(error)))
    except StoreGone:
        sys.exit(_said(7, "Valkey does not answer. Check valkey.url, or try again when it does."))


def _said(code: int, text: str) -> int:
    print(f"ERROR {text}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="inference-gateway", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("serve", help="answer requests").set_defaults(run=_serve)
    commands.add_parser("check", help="read the settings and say whether they are good").set_defaults(run=_check)
    keys = commands.add_parser("keys", help="API keys").add_subparsers(required=True, metavar="COMMAND")
    create = keys.add_parser("create", help="make a key, and show it once")
    create.add_argument("tenant")
    create.add_argument("--days", type=int, help="after which it opens nothing")
    create.add_argument("--note", default="", help="what it is for")
    revoke = keys.add_parser("revoke", help="let a key open nothing any more")
    revoke.add_argument("id", help="the key's id: the twelve characters after aip_")
    listing = keys.add_parser("list", help="show what keys there are")
    for command, run in ((create, _create), (revoke, _revoke), (listing, _list)):
        command.add_argument("--file", type=Path, help="of keys; the settings' where none is named")
        command.set_defaults(run=run)
    for command in (create, revoke):
        command.add_argument("--audit", type=Path, help="file of acts; audit.jsonl beside the keys where none is named")
    usage = commands.add_parser("usage", help="show what a tenant used, a day a line")
    usage.add_argument("tenant")
    usage.add_argument("--days", type=int, default=31)
    usage.set_defaults(run=_usage)
    audit = commands.add_parser("audit", help="the record of acts").add_subparsers(required=True, metavar="COMMAND")
    check = audit.add_parser("verify", help="see that no line was changed, added or removed")
    check.add_argument("file", type=Path)
    check.set_defaults(run=_verify)
    return parser


def _serve(_: argparse.Namespace) -> None:
    # Only serving needs the web's packages; keys are made without their seconds and megabytes.
    from inference_gateway.logs import set_up_logs
    from inference_gateway.web.application import make_application
    from inference_gateway.web.server import make_server
    from inference_gateway.wiring import make_gateway

    settings = load_settings(os.environ)
    set_up_logs(settings.telemetry.log_level)
    gateway = make_gateway(settings)
    try:
        make_server(make_application(gateway), settings, gateway.lifecycle).run()
    except KeyboardInterrupt:
        sys.exit(130)


def _check(_: argparse.Namespace) -> None:
    settings = load_settings(os.environ)
    if settings.files.keys:
        read_keys(settings.files.keys)
    print(f"{len(settings.models)} models, {len(settings.tenants)} tenants: the settings are good.")


def _create(options: argparse.Namespace) -> None:
    settings = load_settings(os.environ)
    path = _keys_file(options, settings)
    if settings.tenants and options.tenant not in settings.tenants:
        raise SettingsInvalid(f"There is no tenant {options.tenant!r}. Tenants are: {', '.join(settings.tenants)}.")
    with alone(path):
        key, record = make_key(options.tenant, datetime.now(UTC), options.days, options.note)
        # First the record, then the act: an act without its record is found by nobody.
        record_act(_audit_file(options, path), "key created", key=record.id, tenant=record.tenant, note=record.note)
        write_keys(path, read_keys(path).with_record(record))
    print(key)


def _revoke(options: argparse.Namespace) -> None:
    settings = load_settings(os.environ)
    path = _keys_file(options, settings)
    with alone(path):
        ring = read_keys(path)
        if options.id not in {record.id for record in ring.records}:
            raise SettingsInvalid(
                f"{path} has no key {options.id!r}. `inference-gateway keys list` shows what there are."
            )
        record_act(_audit_file(options, path), "key revoked", key=options.id)
        write_keys(path, ring.revoked(options.id, datetime.now(UTC)))
    if settings.valkey.url:
        asyncio.run(_tell_revoked(settings, options.id))
        print(f"{options.id} is revoked; every gateway knows within seconds.")
    else:
        print(f"{options.id} is revoked; each gateway knows when it reads the file again.")


def _list(options: argparse.Namespace) -> None:
    now = datetime.now(UTC)
    for record in read_keys(_keys_file(options, load_settings(os.environ))).records:
        print(f"{record.id}  {record.tenant:20}  {_state(record, now):28}  {record.note}")


def _usage(options: argparse.Namespace) -> None:
    settings = load_settings(os.environ)
    if not settings.valkey.url:
        raise SettingsInvalid("valkey.url is empty: usage is counted in Valkey. Without it, count the usage records.")
    for day, spent in asyncio.run(_spent(settings, options.tenant, options.days)):
        print(orjson.dumps({"day": f"{day:%Y-%m-%d}", "tenant": options.tenant, **spent}).decode())


def _verify(options: argparse.Namespace) -> None:
    count, last = verify(options.file)
    print(f"{count} acts, the last of them {last}.")


async def _tell_revoked(settings: Settings, key_id: str) -> None:
    store = ValkeyStore(settings.valkey, lambda _: None)
    try:
        await store.add_member(REVOKED, key_id)
    finally:
        await store.close()


async def _spent(settings: Settings, tenant: str, days: int) -> list[tuple[datetime, dict[str, int]]]:
    store = ValkeyStore(settings.valkey, lambda _: None)
    today = datetime.now(UTC)
    try:
        found = [
            (day, await store.fields(spent_key(tenant, day)))
            for day in (today - timedelta(days=n) for n in range(days))
        ]
    finally:
        await store.close()
    return [(day, spent) for day, spent in reversed(found) if spent]


def _keys_file(options: argparse.Namespace, settings: Settings) -> Path:
    path = options.file or settings.files.keys
    if path is None:
        raise SettingsInvalid("No file of keys is named. Say `--file FILE`, or set files.keys.")
    return Path(path)


def _audit_file(options: argparse.Namespace, keys: Path) -> Path:
    return options.audit or keys.with_name("audit.jsonl")


def _state(record: KeyRecord, now: datetime) -> str:
    if record.revoked:
        return f"revoked {record.revoked:%Y-%m-%d %H:%M}"
    if record.expires:
        return f"{'expires' if record.is_good(now) else 'expired'} {record.expires:%Y-%m-%d %H:%M}"
    return "good"
