"""Find out how GPUs are: what their driver's own tool tells of them, and what the kernel's log has against them."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

from ansible_collections.platform.base.plugins.module_utils.preflight_probes.root import Run

_LOG = ("journalctl", "--dmesg", "--boot", "--no-pager", "--output=cat", "--grep=NVRM: Xid")
_XID = re.compile(r"NVRM: Xid \(PCI:([0-9a-fA-F:.]+)\): (\d+)")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_MISMATCH = "version mismatch"
# Releases before 535 call them reasons to throttle.
_REASONS = ("event", "throttle")
_SLOWED_BY = ("hw_thermal_slowdown", "hw_power_brake_slowdown", "sw_thermal_slowdown")


def health(run: Run) -> dict[str, Any]:
    """Return the driver's answers, none where no driver is there, and the errors in the log since the host's start."""
    asked = run(["nvidia-smi", "-q", "-x"])
    version, found = parse(asked.output)
    return {
        "library": version,
        "mismatch": _MISMATCH in asked.output + asked.error,
        "reports": found,
        "xids": xids(run(_LOG).output),
    }


def xids(log: str) -> list[dict[str, Any]]:
    """Return each kind of error of each GPU once, as the kernel's log has them."""
    pairs = dict.fromkeys(_XID.findall(log))
    return [{"address": address, "xid": int(number)} for address, number in pairs]


def parse(text: str) -> tuple[str, list[dict[str, Any]]]:
    """Return the driver's version and a report of each GPU, out of the tool's XML."""
    try:
        document = ElementTree.fromstring(text) if text.lstrip().startswith("<") else None
    except ElementTree.ParseError:
        document = None
    if document is None:
        return "", []
    return document.findtext("driver_version", "").strip(), [_report(gpu) for gpu in document.findall("gpu")]


def _report(gpu: ElementTree.Element) -> dict[str, Any]:
    retired, remapped = "retired_pages/", "remapped_rows/"
    return {
        "address": gpu.get("id", "").lower(),
        "product": _text(gpu, "product_name"),
        "ecc": _text(gpu, "ecc_mode/current_ecc"),
        "ecc_pending": _text(gpu, "ecc_mode/pending_ecc"),
        "uncorrectable": _uncorrectable(gpu),
        "retired_pages": int(_number(gpu, retired + "double_bit_retirement/retired_count")),
        "retirement_pending": _text(gpu, retired + "pending_retirement") == "Yes",
        "remapped_rows": int(_number(gpu, remapped + "remapped_row_unc")),
        "remap_pending": _text(gpu, remapped + "remapped_row_pending") == "Yes",
        "remap_failure": _text(gpu, remapped + "remapped_row_failure") == "Yes",
        "power_watts": _number(gpu, "gpu_power_readings/current_power_limit"),
        "power_default_watts": _number(gpu, "gpu_power_readings/default_power_limit"),
        "use_percent": _number(gpu, "utilization/gpu_util"),
        "celsius": _number(gpu, "temperature/gpu_temp"),
        "slowed_by": [name for name in _SLOWED_BY if _is_slowed_by(gpu, name)],
        "fabric": _text(gpu, "fabric/state"),
        "fabric_status": _text(gpu, "fabric/status"),
    }


def _uncorrectable(gpu: ElementTree.Element) -> int:
    """Return the errors since the driver was loaded that could not be corrected; releases name them differently."""
    section = gpu.find("ecc_errors/volatile")
    if section is None:
        return 0
    entries = [entry for entry in section if "uncorrectable" in entry.tag and (entry.text or "").strip().isdigit()]
    return sum(int((entry.text or "").strip()) for entry in entries)


def _is_slowed_by(gpu: ElementTree.Element, name: str) -> bool:
    return any(_text(gpu, f"clocks_{word}_reasons/clocks_{word}_reason_{name}") == "Active" for word in _REASONS)


def _text(gpu: ElementTree.Element, path: str) -> str:
    found = gpu.findtext(path, "").strip()
    return "" if found in ("N/A", "[N/A]") else found


def _number(gpu: ElementTree.Element, path: str) -> float:
    match = _NUMBER.match(_text(gpu, path))
    return float(match[0]) if match else 0.0
