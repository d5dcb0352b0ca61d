"""Rules on the driver that a host has already, and on what it tells of the GPUs' health."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.preflight_rules.model import (
    Check,
    Facts,
    Finding,
    answer,
    asks_always,
    listed,
)

_VENDOR = "nvidia"
# Errors that no program causes: memory that cannot be corrected (48, 64, 95), a GPU off the bus or beyond help
# (62, 79, 119, 120, 140), a broken link between GPUs (74).
_FATAL_XIDS = (48, 62, 64, 74, 79, 95, 119, 120, 140)
_IDLE_PERCENT = 5
_AIR = "Look at its fans, its airflow and its power supplies."
_REPLACE = "Drain the host, reset the GPU or restart; when it comes back, have the GPU replaced."


def gpu_driver_matches(facts: Facts) -> Iterator[Finding]:
    """While the loaded module and the libraries differ, no program finds a GPU."""
    known = _known(facts)
    differ = known["loaded"] and known["library"] and known["loaded"] != known["library"]
    if known["mismatch"] or differ:
        said = f"{known['library']} beside it" if known["library"] else "libraries of another version"
        yield Finding(f"has the driver {known['loaded'] or 'of unknown version'} loaded, and {said}.", "Restart it.")
    elif known["loaded"] and known["devices"] and not known["reports"]:
        yield Finding(
            f"has the driver {known['loaded']} loaded, and its tool tells nothing of its GPUs.",
            "Run `nvidia-smi -q -x` there, and do what it says.",
        )


def gpu_driver_by_hand(facts: Facts) -> Iterator[Finding]:
    """What NVIDIA's own installer put there, packages write over, and updates break."""
    if _known(facts)["by_hand"]:
        yield Finding("has a driver that no package brought.", "Run `nvidia-uninstall --silent`, and restart.")


def gpu_driver_offered(
    facts: Facts, choice: str, sets: Mapping[str, Mapping[str, Sequence[str]]], in_container: Sequence[str]
) -> Iterator[Finding]:
    """Not every way to a driver exists on every release.

    `sets` has the packages of each way by release; `in_container` names the releases the driver's image is made for.
    """
    release = _known(facts)["release"]
    ways = {name for name, entries in sets.items() if release in entries}
    ways |= {"container"} if release in in_container else set()
    if choice not in ways:
        yield Finding(
            f"is to have its driver by `{choice}`, which there is not for {release}.",
            f"Choose among {listed(sorted(ways - {'nvswitch'})) or 'other releases'}.",
        )


def gpu_fabric_manager(facts: Facts, wanted: bool) -> Iterator[Finding]:
    """GPUs behind NVLink switches are of no use until the fabric manager has joined them.

    Judged where a driver is there; `wanted` says whether the inventory's class has switches.
    """
    known = _known(facts)
    if bool(known["switches"]) != bool(wanted):
        has = f"{known['switches']} NVLink switches" if known["switches"] else "no NVLink switch on its bus"
        yield Finding(f"has {has}; its class says otherwise.", "Set `nvswitch` of its class in the inventory.")
    if known["switches"] and known["loaded"]:
        if not known["fabric_manager"]:
            yield Finding(
                "does not run the fabric manager, although it has NVLink switches.",
                "Look at `journalctl -u nvidia-fabricmanager`; its version must be the driver's.",
            )
        waiting = [entry["address"] for entry in known["reports"] if _has_no_fabric(entry)]
        if waiting:
            yield Finding(
                f"has GPUs that joined no fabric: {listed(waiting)}.", "Look at `nvidia-smi -q` (Fabric), and restart."
            )


def gpu_ecc(facts: Facts, wanted: bool = True) -> Iterator[Finding]:
    """Without error correction a wrong bit is a wrong answer, and nobody is told."""
    for entry in _known(facts)["reports"]:
        if entry["ecc"] and (entry["ecc"] == "Enabled") != bool(wanted):
            state = "on" if entry["ecc"] == "Enabled" else "off"
            yield Finding(
                f"has error correction {state} on the GPU {entry['address']}.",
                f"Run `nvidia-smi --ecc-config={int(bool(wanted))}`, and restart.",
            )
        elif entry["ecc"] != entry["ecc_pending"]:
            yield Finding(f"changes error correction of the GPU {entry['address']} at its next start.", "Restart it.")


def gpu_ecc_errors(facts: Facts) -> Iterator[Finding]:
    """Memory whose errors cannot be corrected stops the programs that use it."""
    for entry in _known(facts)["reports"]:
        if entry["uncorrectable"]:
            yield Finding(
                f"has {entry['uncorrectable']} errors in the GPU {entry['address']} that could not be corrected.",
                _REPLACE,
            )


def gpu_retired_pages(facts: Facts, maximum: int = 60) -> Iterator[Finding]:
    """A GPU takes broken pages of its memory out of use until it has no more to spare."""
    for entry in _known(facts)["reports"]:
        if entry["retirement_pending"]:
            yield Finding(f"has a page of the GPU {entry['address']} to be taken out of use.", "Drain and restart it.")
        if entry["retired_pages"] > int(maximum):
            yield Finding(
                f"has {entry['retired_pages']} pages of the GPU {entry['address']} out of use; {maximum} will do.",
                "Have the GPU replaced.",
            )


def gpu_row_remaps(facts: Facts, maximum: int = 8) -> Iterator[Finding]:
    """A GPU puts spare rows in the place of broken ones, as long as it has any."""
    for entry in _known(facts)["reports"]:
        if entry["remap_failure"]:
            yield Finding(f"could not replace a broken row of the GPU {entry['address']}.", "Have the GPU replaced.")
        elif entry["remap_pending"]:
            yield Finding(f"has a row of the GPU {entry['address']} to be replaced.", "Drain and restart it.")
        elif entry["remapped_rows"] > int(maximum):
            yield Finding(
                f"has replaced {entry['remapped_rows']} rows of the GPU {entry['address']}; {maximum} will do.",
                "Have the GPU replaced.",
            )


def gpu_xids(facts: Facts, fatal: Sequence[int] = _FATAL_XIDS) -> Iterator[Finding]:
    """The kernel's log tells of hardware that fails before anything else does."""
    found = [f"{entry['xid']} of {entry['address']}" for entry in _known(facts)["xids"] if entry["xid"] in fatal]
    if found:
        yield Finding(f"has fatal GPU errors in its log since it started: XID {listed(found)}.", _REPLACE)


def gpu_power_limit(facts: Facts, minimum_watts: float = 0) -> Iterator[Finding]:
    """A GPU that may not take its power is slower than the one beside it. Without a minimum it is its default."""
    for entry in _known(facts)["reports"]:
        wanted = float(minimum_watts) or entry["power_default_watts"]
        if 0 < entry["power_watts"] < wanted:
            yield Finding(
                f"lets the GPU {entry['address']} take {entry['power_watts']:g} W; {wanted:g} are expected.",
                f"Run `nvidia-smi --power-limit={wanted:g}`; look at the server's power settings and supplies.",
            )


def gpu_temperature(facts: Facts, maximum_celsius: float = 60) -> Iterator[Finding]:
    """A GPU that is hot while nothing runs on it slows down, or stops, under load."""
    for entry in _known(facts)["reports"]:
        if entry["slowed_by"]:
            yield Finding(f"slows the GPU {entry['address']} down: {listed(entry['slowed_by'])}.", _AIR)
        elif entry["celsius"] > float(maximum_celsius) and entry["use_percent"] < _IDLE_PERCENT:
            yield Finding(
                f"has the GPU {entry['address']} at {entry['celsius']:g} °C; {float(maximum_celsius):g} is the limit.",
                _AIR,
            )


def _has_no_fabric(entry: Mapping[str, Any]) -> bool:
    return entry["fabric"] != "Completed" or entry["fabric_status"] not in ("", "Success")


def _known(facts: Facts) -> Mapping[str, Any]:
    found: Mapping[str, Any] = answer(facts, "gpus", _VENDOR)
    return found


_ASKS = asks_always("gpus", _VENDOR)
CHECKS = (
    Check(gpu_driver_matches, _ASKS),
    Check(gpu_driver_by_hand, _ASKS),
    Check(gpu_driver_offered, _ASKS),
    Check(gpu_fabric_manager, _ASKS),
    Check(gpu_ecc, _ASKS),
    Check(gpu_ecc_errors, _ASKS),
    Check(gpu_retired_pages, _ASKS),
    Check(gpu_row_remaps, _ASKS),
    Check(gpu_xids, _ASKS),
    Check(gpu_power_limit, _ASKS),
    Check(gpu_temperature, _ASKS),
)
